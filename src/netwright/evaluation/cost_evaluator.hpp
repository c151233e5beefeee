#pragma once
// What a candidate costs, by arithmetic on its closed graph: a search for the smallest network, or a constraint's numbers, without data.
//
// Metrics: params, macs, activation_bytes, peak_bytes (units: graph/cost.hpp), of the network that NetworkOptions ask for.
// Cost: closing the graph, 0.1-5 ms. A candidate whose network cannot be built is a failed outcome with the graph's message.
#include "netwright/evaluation/registry.hpp"
#include "netwright/graph/cost.hpp"

namespace netwright {

Metrics cost_metrics(const Cost& cost);

std::unique_ptr<Evaluator> make_cost_evaluator(const EvaluatorCase& evaluator_case);
EvaluatorEntry cost_entry();

}  // namespace netwright
