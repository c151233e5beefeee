// The registry of evaluators that need no torch, in reading order.
#include "netwright/evaluation/command.hpp"
#include "netwright/evaluation/cost_evaluator.hpp"
#include "netwright/evaluation/predictor_evaluator.hpp"
#include "netwright/evaluation/registry.hpp"
#include "netwright/evaluation/tabular.hpp"

namespace netwright {

std::vector<EvaluatorEntry> torch_free_evaluators() { return {cost_entry(), tabular_entry(), predictor_entry(), command_entry()}; }

}  // namespace netwright
