#pragma once
// From a search phase's keys `fidelity` and `stop` to what the search runs.
#include <memory>

#include "netwright/config/options.hpp"
#include "netwright/fidelity/scheduler.hpp"
#include "netwright/fidelity/stop_rule.hpp"
#include "netwright/space/space.hpp"

namespace netwright {

using SpacePointer = std::shared_ptr<const Space>;

// The strategy of a phase's options, its warm start before it. The space outlives it. Errors: UsageError.
std::unique_ptr<Strategy> strategy_of(const SearchOptions& options, const SpacePointer& space, const Goal& goal, Seed seed);

// Null where every architecture is evaluated once at the evaluator's own measure. The space outlives it. Errors: UsageError.
std::unique_ptr<Scheduler> scheduler_of(const SearchOptions& options, const SpacePointer& space, const Goal& goal, Seed seed);

// Null for none. Errors: UsageError.
std::unique_ptr<StopRule> stop_rule_of(const SearchOptions& options);

}  // namespace netwright
