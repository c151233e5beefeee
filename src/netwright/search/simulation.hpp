#pragma once
// A search on a virtual clock: workers, budgets and early stopping as they would run, in the time that the arithmetic takes.
//
// Every trial lasts what its outcome says (a table's training seconds). A worker that is free asks at once; a trial is told when it ends,
// trials in the order in which they end (equal times: by number). So it is exact where run_search's window rule would make fast workers
// wait for slow ones, and as reproducible, because no real clock is read. A stop rule sees the curves of the trials that have ended by then.
// Nothing is stored. Cost beside strategy and evaluator: below 1 us a trial.
#include <cstdint>
#include <limits>
#include <vector>

#include "netwright/core/rng.hpp"
#include "netwright/evaluation/evaluator.hpp"
#include "netwright/fidelity/scheduler.hpp"
#include "netwright/fidelity/stop_rule.hpp"

namespace netwright {

struct SimulationCase {
  Scheduler& scheduler;                // fresh
  Evaluator& evaluator;
  const StopRule* stop_rule = nullptr;
  Goal goal = {};
  Seed seed = Seed(0);
  std::int64_t trials = 100;           // that are asked for
  double max_seconds = std::numeric_limits<double>::infinity();  // no ask from then on; what ends later is cut off
  std::int64_t workers = 1;
};

struct SimulatedTrial {
  std::int64_t number = 0;
  Job job;
  Outcome outcome;
  double start_seconds = 0, end_seconds = 0;
};

// The trials that ended in time, in the order in which they ended. Errors: those of the evaluator; UsageError for
// numbers below 1, or a goal on the test part.
std::vector<SimulatedTrial> simulate(const SimulationCase& simulation_case);

}  // namespace netwright
