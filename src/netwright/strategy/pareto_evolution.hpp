#pragma once
// Regularized evolution for several objectives: the queue of the latest P trials; the parent is one of the drawn that no other drawn one
// dominates.
//
// As evolution.hpp, but for the tournament: of the S drawn members (constrained domination) the first front, and of it the least crowded
// one, among equals the one drawn first. Options: population = 50 (P), sample = 10 (S).
// Cost: an ask O(S^2) comparisons at worst. No architecture is asked twice. Errors: UsageError for a bad option.
// Source: Real et al. 2019, arXiv 1802.01548, with the selection of Deb et al. 2002 in its tournament.
#include <deque>

#include "netwright/objective/fronts.hpp"
#include "netwright/strategy/strategy.hpp"
#include "netwright/strategy/unseen.hpp"

namespace netwright {

class ParetoEvolution : public Strategy {
 public:
  explicit ParetoEvolution(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;

 private:
  struct Member {
    Architecture architecture;
    Point point;
  };
  const Member& parent();

  const DecisionTree& tree_;
  Goal goal_;
  Rng rng_;
  std::size_t capacity_, sample_;
  std::size_t asked_ = 0, told_ = 0;
  std::deque<Member> population_;  // oldest first
  Unseen unseen_;
};

std::unique_ptr<Strategy> make_pareto_evolution(const StrategyCase& strategy_case);

}  // namespace netwright
