#pragma once
// The loop: strategy, evaluator and study meet here and nowhere else.
//
// Window rule: ask k is made exactly when trials 0..k-w have been told, in order of their number, and sees those alone, whatever has
// finished since. So the trials depend on (space, strategy, seed, window) and never on how many workers evaluate them. A trial's
// seed is seed.derive("trial", k).
// A scheduler that waits (a rung must be full) is asked again when everything has been told. A stop rule sees, for trial k, the curves of
// trials 0..k-w, as the ask did; a trial that it stops is finished, with what it reached.
// Resume is replay: what the study holds is asked again, compared with what is recorded, told again; then the search goes on.
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "netwright/core/rng.hpp"
#include "netwright/evaluation/evaluator.hpp"
#include "netwright/fidelity/scheduler.hpp"
#include "netwright/fidelity/stop_rule.hpp"
#include "netwright/search/launcher.hpp"
#include "netwright/strategy/strategy.hpp"
#include "netwright/study/study.hpp"

namespace netwright {

struct SearchCase {
  const Space& space;
  Strategy& strategy;              // fresh: nothing asked or told yet
  Evaluator& evaluator;
  Study& study;
  std::string phase = "search";
  Goal goal = {};
  Seed seed = Seed(0);
  Fidelity fidelity = {};
  Scheduler* scheduler = nullptr;  // fresh; it has strategies of its own, then `strategy` and `fidelity` are not used; null: every ask once
  const StopRule* stop_rule = nullptr;
  std::int64_t trials = 100;       // of the whole phase, those of earlier runs included
  // No ask once this much is spent. Measured: the time during which anything was evaluated, earlier runs included, so how many trials
  // it allows depends on the machine. With the evaluator's trait "simulated time": the told outcomes' seconds, so it does not.
  double max_seconds = std::numeric_limits<double>::infinity();
  std::int64_t window = 1;
  std::int64_t max_failures = 20;  // failures in a row, within one run, that end the search; 0: none do
  double lease_seconds = 60;
  Launcher* launcher = nullptr;    // nullptr: evaluate in this process
  std::function<void(const Trial&)> on_trial = {};                  // each newly finished trial
  std::function<void(const Trial&, const Report&)> on_report = {};  // in-process only
  std::function<bool()> stop = {};                                  // asked between trials and at every report: true = interrupt
};

enum class Ending { trials, exhausted, time, interrupted };

struct SearchResult {
  Ending ending = Ending::trials;
  std::int64_t finished = 0;       // trials of the phase, failed ones included
  std::int64_t fresh = 0;          // of these, finished by this run
  std::int64_t failed = 0;
};

// Runs the phase to its end or to an interruption; running it again continues. Every finished trial is in the study before it is told.
// A failing candidate is a failed trial; one that kills its worker twice is "crashed: signal 11 in 2 attempts" (in this process, without
// workers, it takes the search with it). The same trial may cost two evaluations when a worker or the search is killed.
// Cost beside the evaluation: two commits a trial; with "simulated time" in this process one commit every half second (20 us a trial).
// Errors: UsageError for a bad number, or a goal on the test part (objective/test_part.hpp); Error when the study was made by another version or configuration (both
// texts of the first differing trial), when another process runs it, when too many trials in a row failed, when workers cannot start.
SearchResult run_search(const SearchCase& search_case);

struct WorkerCase {
  const Space& space;
  Evaluator& evaluator;
  Study& study;                    // this process's own handle
  std::string phase = "search";
  std::string name;                // unique among the workers
  Goal goal = {};
  double lease_seconds = 60;
  const StopRule* stop_rule = nullptr;  // as the search's
  std::int64_t window = 1;
  std::function<bool()> stop = {};
};

// A worker's loop: claims a trial, evaluates it while a thread of its own renews the lease, finishes it. Ends when the phase is done or
// failed, when stop() says so, or when the coordinator that it began under is gone; an evaluation under way is then stopped at its next
// report and its trial given back. Returns the number of trials that it finished. Errors: those of the study, and UsageError.
std::int64_t work(const WorkerCase& worker_case);

}  // namespace netwright
