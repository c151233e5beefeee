#pragma once
// Whether a trial under way is worth going on with.
//
// A rule is a pure function of the running trial's curve and the curves of earlier ones: it sees what the strategy saw when it asked for
// the trial, so the number of workers does not change what is stopped. Values are oriented: more is better.
//
//   median      its best value so far is below the median of the others' running averages at the same epoch
//               (Golovin et al. 2017, Google Vizier, section 3.2.2)
//   percentile  its best value so far is not among the `percent` best of the others' best values so far
//   top_share   at each rung minimum * eta^k it must be among the 1/eta best of those that reached the rung, itself included
//               (ASHA's stopping variant, Li et al. 2020, arXiv 1810.05934)
//   curve       P(it ends above the best finished one) < `chance`, by learning-curve extrapolation, from `after` epochs on and every
//               `every` epochs (Domhan et al. 2015, IJCAI)
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "netwright/fidelity/curve_models.hpp"
#include "netwright/fidelity/scheduler.hpp"

namespace netwright {

using Curve = std::vector<CurvePoint>;  // in order of epochs

struct Running {
  std::int64_t trial = 0;
  const Curve& curve;      // up to now, at least one point
  double last_epoch = 0;   // where it would end; 0: not known
};

class StopRule {
 public:
  virtual ~StopRule() = default;
  virtual bool stops(const Running& running, std::span<const Curve> others) const = 0;
};

struct StopRuleEntry {
  std::string name;
  std::string title;
  std::string paper;
  std::vector<StrategyOption> options;
  std::unique_ptr<StopRule> (*make)(const std::map<std::string, std::string, std::less<>>& options);
};

const std::vector<StopRuleEntry>& stop_rules();
// Errors: UsageError with the nearest name, for the rule or an option.
std::unique_ptr<StopRule> make_stop_rule(std::string_view name, const std::map<std::string, std::string, std::less<>>& options);

}  // namespace netwright
