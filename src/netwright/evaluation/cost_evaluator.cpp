#include "netwright/evaluation/cost_evaluator.hpp"

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

class CostEvaluator : public Evaluator {
 public:
  explicit CostEvaluator(const EvaluatorCase& evaluator_case)
      : info_(info_of(cost_entry())), space_(evaluator_case.space), network_(evaluator_case.network) {
    check_settings(space_->info(), network_);
  }

  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity&, const Progress&) override {
    try {
      return {.metrics = cost_metrics(cost(space_->close(candidate.architecture, network_)))};
    } catch (const UsageError& error) {
      return {.status = Status::failed, .reason = error.what()};
    }
  }

 private:
  EvaluatorInfo info_;
  std::shared_ptr<const Space> space_;
  NetworkOptions network_;
};

}  // namespace

Metrics cost_metrics(const Cost& cost) {
  return {{"params", static_cast<double>(cost.params)},
          {"macs", static_cast<double>(cost.macs)},
          {"activation_bytes", static_cast<double>(cost.activation_bytes)},
          {"peak_bytes", static_cast<double>(cost.peak_bytes)}};
}

std::unique_ptr<Evaluator> make_cost_evaluator(const EvaluatorCase& evaluator_case) { return std::make_unique<CostEvaluator>(evaluator_case); }

EvaluatorEntry cost_entry() {
  return {.name = "cost",
          .title = "Parameters, multiply-accumulates and memory, by arithmetic",
          .metrics = {"params", "macs", "activation_bytes", "peak_bytes"},
          .traits = {"deterministic", "needs networks"},
          .options = {},
          .make = make_cost_evaluator};
}

}  // namespace netwright
