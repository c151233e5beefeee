#include "netwright/graph/operation.hpp"

#include <algorithm>
#include <unordered_map>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {

const Operation& operation(std::string_view name) {
  static const auto* index = [] {
    auto* map = new std::unordered_map<std::string_view, const Operation*>;
    for (const auto& entry : operations()) map->emplace(entry.name, &entry);
    return map;
  }();
  const auto found = index->find(name);
  if (found == index->end()) throw UsageError("unknown operation '" + std::string(name) + "'" + name_hint(name, operation_names()));
  return *found->second;
}

std::vector<std::string> operation_names() {
  std::vector<std::string> names;
  for (const auto& entry : operations()) names.push_back(entry.name);
  return names;
}

std::vector<Shape> input_shapes(const Graph& graph, const Node& node) {
  std::vector<Shape> shapes;
  for (const int input : node.inputs) shapes.push_back(graph.nodes[static_cast<std::size_t>(input)].shape);
  return shapes;
}

std::vector<Parameter> parameters(const Node& node, const std::vector<Shape>& inputs) {
  if (node.op == "input" || node.op == "choice" || node.op == "select") return {};
  const auto& entry = operation(node.op);
  if (!entry.parameters) return {};
  return entry.parameters({node, inputs, node.shape});
}

}  // namespace netwright
