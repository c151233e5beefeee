#include "netwright/evaluation/timed_evaluator.hpp"

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"

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

std::string text(const EvaluatorCase& evaluator_case, std::string_view name) { return trim(option(bare_entry(), evaluator_case, name)); }

std::int64_t whole(const EvaluatorCase& evaluator_case, const std::string& name) {
  const std::string given = text(evaluator_case, name);
  const double value = parse_count(given);
  if (!(value >= 1) || value > 1e6 || value != static_cast<double>(static_cast<std::int64_t>(value)))
    throw UsageError("evaluator timed, option " + name + ": '" + given + "' is not a whole number from 1 to a million");
  return static_cast<std::int64_t>(value);
}

TimingOptions timing_of(const EvaluatorCase& evaluator_case) { return {.runs = whole(evaluator_case, "runs"), .batch = whole(evaluator_case, "batch")}; }

EvaluatorCase inner_case(const EvaluatorCase& outer) {
  EvaluatorCase inner = outer;
  for (const EvaluatorOption& own : bare_entry().options) inner.options.erase(own.name);
  return inner;
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
    if (outcome.status != Status::failed) outcome.metrics["latency_ms"] = stopwatch_(case_.space->close(candidate.architecture, case_.network), options_);
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
    const EvaluatorEntry& inner = find_evaluator(entries, text(outer, "of"));
    const EvaluatorCase own = inner_case(outer);
    timing_of(outer);
    check_options(inner, own);
    return inner.unsuited ? inner.unsuited(own) : "";
  };
  if (stopwatch)
    entry.make = [entries, stopwatch](const EvaluatorCase& outer) -> std::unique_ptr<Evaluator> {
      return std::make_unique<TimedEvaluator>(outer, make_evaluator(entries, text(outer, "of"), inner_case(outer)), stopwatch);
    };
  entries.push_back(std::move(entry));
  return entries;
}

}  // namespace netwright
