#pragma once
// Synchronous brackets: successive halving, Hyperband and BOHB.
//
// The brackets are run in order, and again from the first until the search ends. A rung is ranked when all of it was told; its best
// go on. Where the strategy has no more architectures, the bracket goes on with those it has.
#include <memory>

#include "netwright/fidelity/scheduler.hpp"

namespace netwright {

std::unique_ptr<Scheduler> make_halving(const SchedulerCase& scheduler_case);    // option configurations: n; default eta^(rungs - 1)
std::unique_ptr<Scheduler> make_hyperband(const SchedulerCase& scheduler_case);
// Options random (share of random asks, 1/3) and enough (observations that a budget's model needs, and the random start
// of its strategy where the user gives none; 0: decisions + 1).
std::unique_ptr<Scheduler> make_bohb(const SchedulerCase& scheduler_case);

}  // namespace netwright
