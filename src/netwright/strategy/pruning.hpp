#pragma once
// Pruning: every decision loses its worst choice, round after round, until one architecture is left; judged by the ranks of several scores.
//
//   alive: all choices of all decisions
//   round: ask for architectures of living choices, each decision's least used choice first, until every living choice that can still be
//          reached is in `samples` told ones (those of earlier rounds count, where all their choices live)
//          by each objective: a choice is worth the mean rank of the architectures that have it, ranked among all that count;
//          the choices of a decision are ranked by that, and the one with the least sum of ranks over the objectives is dropped
//   end:   one choice a decision (a k_of_n: as many as it must pick); what it leaves is asked for, then all is alive again
//
// Ranks, so scores of any size and any spread go together (goal: maximise linear_regions, minimise ntk_cond). What failed or misses a constraint
// has the lowest rank in all. No architecture is asked twice; where nothing new is left in a round, the round ends.
// Options: samples = 6. Cost: O(told * decisions) a round; an ask is O(decisions).
// Errors: UsageError for a bad option.
// Source: Chen, Gong and Wang 2021, arXiv 2102.11535 (TE-NAS), algorithm 1.
// Departures: TE-NAS scores the supernet with and without each operation; here whole architectures are scored, as every evaluator does it, and
// the worth of a choice is the mean of those that have it. So it runs on spaces without a supernet, and on accuracies as well as on scores.
#include <cstdint>
#include <vector>

#include "netwright/objective/fronts.hpp"
#include "netwright/strategy/strategy.hpp"
#include "netwright/strategy/unseen.hpp"

namespace netwright {

class Pruning : public Strategy {
 public:
  explicit Pruning(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;

  const std::vector<std::vector<bool>>& alive() const { return alive_; }  // [decision][choice]
  std::size_t finished() const { return finished_; }                      // how often one architecture was left

 private:
  struct Known {
    Architecture architecture;
    Point point;
    bool usable = false;
  };
  void revive();
  bool open(std::size_t decision) const;       // more choices live than it must pick
  bool reachable(std::size_t decision) const;  // some living choices switch it on
  bool lives(const Architecture& architecture) const;
  std::vector<int> living(std::size_t decision) const;
  void choose(Architecture& architecture, std::size_t decision);
  Architecture proposal();
  bool judged() const;
  void prune();
  std::vector<double> worth(std::size_t objective) const;  // the rank of each that counts, 0 for what is not usable
  int worst_choice(std::size_t decision, const std::vector<std::vector<double>>& worths) const;

  const DecisionTree& tree_;
  Goal goal_;
  Rng rng_;
  std::size_t samples_;
  std::vector<std::vector<bool>> alive_;
  std::vector<std::vector<std::size_t>> asked_;  // in this round, [decision][choice]
  std::vector<Known> known_;                     // told in this descent; those with a dropped choice leave it
  std::size_t asks_of_round_ = 0, finished_ = 0;
  Unseen unseen_;
};

std::unique_ptr<Strategy> make_pruning(const StrategyCase& strategy_case);

}  // namespace netwright
