#pragma once
// Any strategy for one objective, under a number made of several.
//
//   form = sum (default):         sum of weight * objective, each turned so that larger is better
//   form = mnas_soft | mnas_hard: first objective * (cost / target)^w, see mnas_reward()
//   form = product:               first objective * (cost / target)^exponent
//   form = fbnet:                 first objective (a loss, minimised) * alpha * ln(cost)^beta, see fbnet_loss()
//
// The inner strategy is told the number as its only objective; constraints stay. A trial without one of the metrics tells nothing.
// Options: of = evolution, form, cost = METRIC (default: the second objective's), target = NUMBER (in the cost's unit),
// exponent = -0.07, alpha = 0.2, beta = 0.6, weights = W1 W2 ... (default: 1 each); all others are those of the inner strategy.
// Errors: UsageError for a bad option, a missing target, a missing cost, or another number of weights than objectives.
// Source: Tan et al. 2019, arXiv 1807.11626; Wu et al. 2019, arXiv 1812.03443.
#include <functional>

#include "netwright/strategy/strategy.hpp"

namespace netwright {

class Scalarised : public Strategy {
 public:
  // The number to be maximised; NaN where a metric is missing.
  using Form = std::function<double(const Metrics&)>;

  explicit Scalarised(const StrategyCase& strategy_case);
  std::optional<Architecture> ask() override;
  void tell(const Told& told) override;

 private:
  Form form_;
  std::unique_ptr<Strategy> inner_;
};

// The form that the options name, over the goal's objectives. Errors: as above.
Scalarised::Form scalar_form(const StrategyCase& strategy_case);

std::unique_ptr<Strategy> make_scalarised(const StrategyCase& strategy_case);

}  // namespace netwright
