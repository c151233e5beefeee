#include "netwright/evaluation/timed_evaluator.hpp"

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/evaluation/around.hpp"

namespace netwright {
namespace {

EvaluatorEntry bare_entry() {
  return {.name = "timed",
          .title = "Measured latency beside the metrics of another evaluator",
          .metrics = {"latency_ms"},
          .traits = {"around another", "needs networks", "needs torch"},
          .options = {{"of", "cost", "the evaluator that gives the other metrics; its options stand beside these"},
                      {"runs", "20", "timed passes, whose median counts"},
                      {"batch", "1", "samples a pass"}},
          .forwards = true};
}

TimingOptions timing_of(const EvaluatorCase& outer) {
  const auto whole = [&](const char* name) { return whole_option(bare_entry(), outer, name, 1, 1e6, "from 1 to a million"); };
  return {.runs = whole("runs"), .batch = whole("batch")};
}

class TimedEvaluator : public Evaluator {
 public:
  TimedEvaluator(const EvaluatorCase& evaluator_case, std::unique_ptr<Evaluator> inner, Stopwatch stopwatch)
      : info_(info_of(bare_entry())), case_(evaluator_case), options_(timing_of(evaluator_case)), inner_(std::move(inner)), stopwatch_(std::move(stopwatch)) {
    info_.metrics.insert(info_.metrics.end(), inner_->info().metrics.begin(), inner_->info().metrics.end());
    info_.traits = inner_->info().traits;
    std::erase(info_.traits, "deterministic");
  }

  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity& fidelity, const Progress& progress) override {
    Outcome outcome = inner_->evaluate(candidate, fidelity, progress);
    if (outcome.status == Status::failed) return outcome;
    try {
      outcome.metrics["latency_ms"] = stopwatch_(case_.space->close(candidate.architecture, case_.network), options_);
    } catch (const UsageError& error) {   // a network that cannot be built is the candidate's fault
      return {.status = Status::failed, .reason = error.what(), .metrics = std::move(outcome.metrics)};
    }
    return outcome;
  }

  Metrics test_metrics(const Candidate& candidate) override { return inner_->test_metrics(candidate); }

 private:
  EvaluatorInfo info_;
  EvaluatorCase case_;
  TimingOptions options_;
  std::unique_ptr<Evaluator> inner_;
  Stopwatch stopwatch_;
};

}  // namespace

std::vector<EvaluatorEntry> with_timing(std::vector<EvaluatorEntry> entries, const Stopwatch& stopwatch) {
  EvaluatorEntry entry = bare_entry();
  entry.unsuited = [entries](const EvaluatorCase& outer) {
    timing_of(outer);
    return inner_unsuited(entries, bare_entry(), outer);
  };
  if (stopwatch)
    entry.make = [entries, stopwatch](const EvaluatorCase& outer) -> std::unique_ptr<Evaluator> {
      return std::make_unique<TimedEvaluator>(outer, make_inner(entries, bare_entry(), outer), stopwatch);
    };
  entries.push_back(std::move(entry));
  return entries;
}

}  // namespace netwright
