#pragma once
// Simulated annealing: one place, and mutated steps from it; a worse one is taken with a chance that falls as time passes.
//
//   accepted: better (objective/standing.hpp), or with chance exp(-(score lost) / T), T = temperature * spread * cooling^(steps told)
//   spread: the standard deviation of the first `start` random architectures' scores
//
// Options: start = 10, temperature = 0.5, cooling = 0.97. A step that misses constraints further than the place is never taken.
// Cost: O(decisions) an ask and a tell. No architecture is asked twice. Errors: UsageError for a bad option.
// Source: Kirkpatrick, Gelatt and Vecchi 1983, Science 220.
// Departures: the temperature is in units of the spread, so that it means the same for any metric; asks before their tells step from
// the place that is known; a step tried before is drawn again.
#include "netwright/objective/standing.hpp"
#include "netwright/strategy/strategy.hpp"
#include "netwright/strategy/unseen.hpp"

namespace netwright {

class Annealing : public Strategy {
 public:
  explicit Annealing(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;

 private:
  bool accepts(const Standing& next);

  const DecisionTree& tree_;
  Goal goal_;
  Rng rng_;
  std::size_t start_;
  double temperature_, cooling_;
  std::size_t asked_ = 0, told_ = 0;
  std::vector<double> start_scores_;
  Architecture here_;
  std::optional<Standing> standing_;
  Unseen unseen_;
};

std::unique_ptr<Strategy> make_annealing(const StrategyCase& strategy_case);

}  // namespace netwright
