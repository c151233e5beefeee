#pragma once
// Regularized (aging) evolution: a queue of the latest P trials; the best of a few drawn ones has a mutated child.
//
//   asks 1..P: uniform samples
//   then:      draw `sample` members of the population, uniformly with replacement; the best of them is mutated
//   tell:      the trial enters at the young end; above P members the oldest one (or the worst) leaves
//
// Options: population = 50 (P), sample = 10 (S), removal = oldest | worst | worst_drawn (the worst of S drawn members),
// identity = 0 (chance that a child is its parent, unchanged).
// Best: `better` of objective/standing.hpp (constraints first), among equals the one drawn first. Worst: among equals the oldest.
// Cost: O(S) comparisons an ask and O(1) a tell (O(P) for removal = worst); one architecture is copied an ask.
// Errors: UsageError for a bad option.
// Source: Real, Aggarwal, Huang and Le 2019, arXiv 1802.01548, algorithm 1; the other removals are the non-aging ones.
// Departures: any number of asks may come before their tells: the population is what has been told, and a population that is still
// empty gives uniform samples. A failed trial, or one without a finite objective, never enters the population. The paper's identity
// mutation (0.05) is off by default: it pays where a second training of the same cell is worth its noise.
#include <deque>

#include "netwright/objective/standing.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright {

class Evolution : public Strategy {
 public:
  struct Member {
    std::int64_t trial = 0;
    Architecture architecture;
    Standing standing;
  };

  explicit Evolution(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;
  const std::deque<Member>& population() const { return population_; }  // oldest first

 private:
  const Member& parent();
  void remove_one();

  const DecisionTree& tree_;
  Goal goal_;
  Rng rng_;
  std::size_t capacity_;
  std::int64_t sample_;
  std::string removal_;
  double identity_;
  std::size_t asked_ = 0, told_ = 0;  // told without having been asked: a warm start
  std::deque<Member> population_;
};

std::unique_ptr<Strategy> make_evolution(const StrategyCase& strategy_case);

}  // namespace netwright
