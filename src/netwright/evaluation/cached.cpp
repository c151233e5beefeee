#include "netwright/evaluation/cached.hpp"

#include <map>
#include <utility>

namespace netwright {
namespace {

// The outcome as it would be told now: the listener sees the reports again and may stop at one.
Outcome replayed(const Outcome& kept, const Progress& progress) {
  Outcome outcome = kept;
  outcome.seconds = 0;
  for (std::size_t i = 0; progress && i < kept.reports.size(); ++i) {
    if (progress(kept.reports[i])) continue;
    outcome.status = Status::stopped;
    outcome.metrics = kept.reports[i].metrics;
    outcome.reports.resize(i + 1);
    break;
  }
  return outcome;
}

class Cached : public Evaluator {
 public:
  explicit Cached(std::unique_ptr<Evaluator> evaluator) : evaluator_(std::move(evaluator)) {}
  const EvaluatorInfo& info() const override { return evaluator_->info(); }
  Metrics test_metrics(const Candidate& candidate) override { return evaluator_->test_metrics(candidate); }

  Outcome evaluate(const Candidate& candidate, const Fidelity& fidelity, const Progress& progress) override {
    const Key key{candidate.architecture, fidelity.epochs};
    const auto found = kept_.find(key);
    if (found != kept_.end()) return replayed(found->second, progress);
    Outcome outcome = evaluator_->evaluate(candidate, fidelity, progress);
    if (outcome.status == Status::done) kept_.emplace(key, outcome);
    return outcome;
  }

 private:
  using Key = std::pair<Architecture, std::int64_t>;
  std::unique_ptr<Evaluator> evaluator_;
  std::map<Key, Outcome> kept_;
};

}  // namespace

std::unique_ptr<Evaluator> cached(std::unique_ptr<Evaluator> evaluator) { return std::make_unique<Cached>(std::move(evaluator)); }

}  // namespace netwright
