// The registry of evaluators that need no torch, in reading order.
#include "netwright/evaluation/command.hpp"
#include "netwright/evaluation/cost_evaluator.hpp"
#include "netwright/evaluation/predictor_evaluator.hpp"
#include "netwright/evaluation/registry.hpp"
#include "netwright/evaluation/tabular.hpp"

namespace netwright {

std::vector<EvaluatorEntry> torch_free_evaluators(const std::vector<PredictorEntry>& more_predictors) {
  std::vector<PredictorEntry> predictors = plain_predictors();
  predictors.insert(predictors.end(), more_predictors.begin(), more_predictors.end());
  return {cost_entry(), tabular_entry(), predictor_entry(predictors), command_entry()};
}

}  // namespace netwright
