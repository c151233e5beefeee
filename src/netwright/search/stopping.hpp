#pragma once
// What a stop rule sees of a study: the curves of the trials that the ask had seen. Inside the room only.
#include <algorithm>
#include <vector>

#include "netwright/fidelity/stop_rule.hpp"
#include "netwright/study/study.hpp"

namespace netwright {

class Stopping {
 public:
  // `rule` null: nothing is stopped. Curves are of the goal's first objective, turned so that more is better.
  Stopping(const StopRule* rule, Goal goal, std::int64_t window) : rule_(rule), goal_(std::move(goal)), window_(window) {}

  // A finished trial, in any order, but after the one that it goes on with. A failed one has no curve.
  void add(const Trial& trial);
  std::int64_t known() const { return static_cast<std::int64_t>(curves_.size()); }
  // How many trials must be known before this one may be judged.
  std::int64_t needed(const Trial& trial) const { return rule_ == nullptr ? 0 : std::max(seen(trial), trial.continues + 1); }

  // Follows one trial: true where a report ends it.
  class Watch {
   public:
    Watch(const Stopping& stopping, const Trial& trial);
    bool ends_at(const Report& report);

   private:
    const Stopping& stopping_;
    Trial trial_;
    Curve curve_;
  };

 private:
  void append(Curve& curve, const Report& report) const;
  std::int64_t seen(const Trial& trial) const { return std::max<std::int64_t>(0, trial.number - window_ + 1); }

  const StopRule* rule_;
  Goal goal_;
  std::int64_t window_;
  std::vector<Curve> curves_;  // by number
};

}  // namespace netwright
