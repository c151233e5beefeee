#pragma once
// The fidelity policy: which architecture is measured next, for how many epochs, and from whose state it goes on.
//
// A scheduler stands between the search and its strategy: new architectures come from the strategy, promotions from the scheduler. Like a
// strategy it is a pure function of (seed, tells so far). Jobs are numbered 0, 1, ... as they are asked for.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "netwright/strategy/strategy.hpp"

namespace netwright {

struct Job {
  Architecture architecture;
  std::int64_t epochs = 0;       // from scratch; 0: the evaluator's own full measure
  std::int64_t continues = -1;   // the job whose stored state goes on; -1: a new one
  std::int64_t from_epochs = 0;  // what that job has done: this one pays epochs - from_epochs
};

enum class Next { job, wait, exhausted };

struct Turn {
  Next next = Next::job;
  Job job = {};
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;
  // wait: no job before another outstanding one has been told (a rung must be full). exhausted: no more jobs, whatever is told.
  virtual Turn ask() = 0;
  // told.trial is the job's number. Any order.
  virtual void tell(const Told& told) = 0;
};

// A fresh strategy; the same number gives the same one. 0 is the search's own, others are models of one budget each. `start`: how many random
// asks it shall begin with, where it has an option of that name that the user has not given; 0: its own default.
using StrategyMaker = std::function<std::unique_ptr<Strategy>(std::int64_t number, std::int64_t start)>;

struct SchedulerCase {
  const DecisionTree& tree;  // outlives the scheduler
  StrategyMaker make_strategy;
  Goal goal = {};
  Seed seed = Seed(0);
  std::map<std::string, std::string, std::less<>> options = {};
  std::vector<Architecture> first = {};  // a warm start: asked before any strategy is
};

struct SchedulerEntry {
  std::string name;
  std::string title;
  std::string paper;
  std::vector<StrategyOption> options;
  std::unique_ptr<Scheduler> (*make)(const SchedulerCase&);
};

// full, halving, hyperband, bohb, asha (builtin.cpp).
const std::vector<SchedulerEntry>& schedulers();
// Errors: UsageError with the nearest name, for the scheduler or an option.
std::unique_ptr<Scheduler> make_scheduler(std::string_view name, const SchedulerCase& scheduler_case);

// Every architecture once, for `epochs`: what a search without a fidelity section does.
std::unique_ptr<Scheduler> full_fidelity(Strategy& strategy, std::int64_t epochs);

}  // namespace netwright
