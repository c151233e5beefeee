#pragma once
// From a search phase's keys `fidelity` and `stop` to what the search runs.
#include <memory>

#include "netwright/config/options.hpp"
#include "netwright/fidelity/scheduler.hpp"
#include "netwright/fidelity/stop_rule.hpp"

namespace netwright {

// The strategy of a phase's options. `tree` outlives it. Errors: UsageError.
std::unique_ptr<Strategy> strategy_of(const SearchOptions& options, const DecisionTree& tree, const Goal& goal, Seed seed);

// Null where every architecture is evaluated once at the evaluator's own measure. `tree` outlives it. Errors: UsageError.
std::unique_ptr<Scheduler> scheduler_of(const SearchOptions& options, const DecisionTree& tree, const Goal& goal, Seed seed);

// Null for none. Errors: UsageError.
std::unique_ptr<StopRule> stop_rule_of(const SearchOptions& options);

}  // namespace netwright
