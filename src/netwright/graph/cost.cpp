#include "netwright/graph/cost.hpp"

#include <algorithm>

#include "netwright/graph/close.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

constexpr std::int64_t kFloatBytes = 4;

void add_node(const Graph& graph, const Node& node, Cost& cost, std::int64_t& macs) {
  const auto inputs = input_shapes(graph, node);
  for (const auto& parameter : parameters(node, inputs))
    if (parameter.trainable && parameter.owner.empty()) cost.params += elements(parameter.shape);
  if (node.op == "input" || node.op == "choice" || node.op == "select") return;
  const auto& entry = operation(node.op);
  if (!entry.macs) return;
  macs += entry.macs({node, inputs, node.shape});
  ++cost.layers;
}

Cost sum_of(const Graph& graph) {
  Cost total;
  for (const auto& node : graph.nodes) {
    add_node(graph, node, total, total.macs);
    total.activation_bytes += elements(node.shape) * kFloatBytes;
    for (const auto& branch : node.branches) {
      if (branch.body.empty()) continue;
      const Cost inner = sum_of(branch.graph());
      total.params += inner.params, total.macs += inner.macs, total.layers += inner.layers;
      // A branch's input is the value outside: it is held once.
      total.activation_bytes += inner.activation_bytes - elements(branch.graph().nodes.front().shape) * kFloatBytes;
    }
  }
  return total;
}

// Values are held from where they are made to where they are last read.
std::int64_t peak(const Graph& graph) {
  std::vector<std::size_t> last(graph.nodes.size(), 0);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    last[i] = std::max(last[i], i);
    for (const int input : graph.nodes[i].inputs) last[static_cast<std::size_t>(input)] = i;
  }
  for (const int output : graph.outputs) last[static_cast<std::size_t>(output)] = graph.nodes.size();
  std::int64_t alive = 0, most = 0;
  std::vector<std::vector<std::size_t>> ends(graph.nodes.size() + 1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) ends[last[i]].push_back(i);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    alive += elements(graph.nodes[i].shape) * kFloatBytes;
    most = std::max(most, alive);
    for (const auto done : ends[i]) alive -= elements(graph.nodes[done].shape) * kFloatBytes;
  }
  return most;
}

}  // namespace

Cost cost(const Graph& graph) {
  Cost total = sum_of(graph);
  total.peak_bytes = peak(graph);
  if (graph.outputs.size() == 2) {
    Graph alone = graph;
    alone.outputs.resize(1);
    const Cost main = sum_of(without_dead_nodes(alone));
    total.params_auxiliary = total.params - main.params;
    total.macs = main.macs;
  }
  return total;
}

double training_bytes(const Cost& cost, std::int64_t batch) {
  return static_cast<double>(batch) * static_cast<double>(cost.activation_bytes) + 16.0 * static_cast<double>(cost.params);
}

}  // namespace netwright
