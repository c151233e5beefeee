#include "netwright/search/simulation.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <tuple>

#include "netwright/core/error.hpp"
#include "netwright/objective/test_part.hpp"
#include "netwright/search/judgement.hpp"

namespace netwright {
namespace {

class Simulation {
 public:
  explicit Simulation(const SimulationCase& simulation_case) : case_(simulation_case) {}

  std::vector<SimulatedTrial> run() {
    for (start_workers(); !running_.empty(); start_workers()) {
      SimulatedTrial trial = std::move(trials_[running_.top().number]);
      running_.pop();
      now_ = trial.end_seconds;
      if (now_ > case_.max_seconds) continue;
      tell(trial);
      ended_.push_back(std::move(trial));
    }
    return std::move(ended_);
  }

 private:
  struct Busy {
    double end = 0;
    std::size_t number = 0;
    bool operator>(const Busy& other) const { return std::tie(end, number) > std::tie(other.end, other.number); }
  };

  void start_workers() {
    while (running_.size() < static_cast<std::size_t>(case_.workers) && static_cast<std::int64_t>(trials_.size()) < case_.trials &&
           now_ < case_.max_seconds) {
      Turn turn = case_.scheduler.ask();
      if (turn.next != Next::job) return;
      start(std::move(turn.job));
    }
  }

  void start(Job job) {
    const auto number = static_cast<std::int64_t>(trials_.size());
    SimulatedTrial trial{.number = number, .job = std::move(job), .start_seconds = now_};
    seeds_.push_back(trial.job.continues >= 0 ? seeds_.at(static_cast<std::size_t>(trial.job.continues))
                                              : case_.seed.derive("trial", static_cast<std::uint64_t>(number)).value());
    const Candidate candidate{.trial = number,
                              .architecture = trial.job.architecture,
                              .seed = seeds_.back(),
                              .continues = trial.job.continues};
    Curve curve = trial.job.continues >= 0 && case_.stop_rule != nullptr ? curve_of_.at(static_cast<std::size_t>(trial.job.continues)) : Curve{};
    const auto progress = [&](const Report& report) { return !stops(trial, report, curve); };
    const Fidelity fidelity{.epochs = trial.job.epochs, .from_epochs = trial.job.from_epochs};
    trial.outcome = judge(case_.evaluator, candidate, fidelity, case_.goal, case_.stop_rule != nullptr ? Progress(progress) : Progress());
    trial.end_seconds = now_ + trial.outcome.seconds;
    if (case_.stop_rule != nullptr) curve_of_.push_back(trial.outcome.status == Status::failed ? Curve{} : std::move(curve));
    running_.push({.end = trial.end_seconds, .number = trials_.size()});
    trials_.push_back(std::move(trial));
  }

  bool stops(const SimulatedTrial& trial, const Report& report, Curve& curve) const {
    const double value = score(case_.goal, report.metrics);
    if (std::isfinite(value)) curve.push_back({.epochs = static_cast<double>(report.step), .value = value});
    const Running running{.trial = trial.number, .curve = curve, .last_epoch = static_cast<double>(trial.job.epochs)};
    return !curve.empty() && case_.stop_rule->stops(running, ended_curves_);
  }

  void tell(const SimulatedTrial& trial) {
    case_.scheduler.tell({.trial = trial.number,
                          .architecture = trial.job.architecture,
                          .metrics = without_test_part(trial.outcome.metrics),
                          .failed = trial.outcome.status == Status::failed});
    if (case_.stop_rule != nullptr) ended_curves_.push_back(curve_of_[static_cast<std::size_t>(trial.number)]);
  }

  const SimulationCase& case_;
  double now_ = 0;
  std::vector<std::uint64_t> seeds_;  // a trial that goes on with another has that one's
  std::vector<SimulatedTrial> trials_;  // by number; moved out when they end
  std::vector<SimulatedTrial> ended_;
  std::vector<Curve> curve_of_;      // by number
  std::vector<Curve> ended_curves_;  // of those that ended
  std::priority_queue<Busy, std::vector<Busy>, std::greater<>> running_;
};

}  // namespace

std::vector<SimulatedTrial> simulate(const SimulationCase& simulation_case) {
  if (simulation_case.trials < 1 || simulation_case.workers < 1) throw UsageError("simulation: at least 1 trial and 1 worker are needed");
  refuse_test_part(simulation_case.goal);
  return Simulation(simulation_case).run();
}

}  // namespace netwright
