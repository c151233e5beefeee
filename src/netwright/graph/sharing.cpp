#include "netwright/graph/sharing.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

using Reason = std::function<std::string(const Node&)>;

// The first reason of any node, in the order in which the graph is walked.
std::string first(const Graph& graph, const Reason& reason) {
  for (const Node& node : graph.nodes) {
    if (std::string found = reason(node); !found.empty()) return found;
    for (const Branch& branch : node.branches) {
      if (branch.body.empty()) continue;
      if (std::string found = first(branch.graph(), reason); !found.empty()) return found;
    }
  }
  return "";
}

const std::vector<std::string>& elastic_attributes(const Node& node) {
  static const std::vector<std::string> maps{"kernel", "channels", "features"}, sequences{"features", "channels", "percent", "heads"};
  return node.shape.size() == 2 ? sequences : maps;
}

std::string no_elastic(const Node& node) {
  const auto& can = elastic_attributes(node);
  for (const auto& [name, attribute] : node.attributes) {
    const auto* open = std::get_if<Open>(&attribute);
    if (open == nullptr) continue;
    if (std::find(can.begin(), can.end(), name) == can.end())
      return "node '" + node.name + "': an open '" + name + "' has no supernet; open " + join(can, ", ") + " have";
    const auto odd = [&](std::int64_t size) { return (size - open->values.front()) % 2 != 0; };
    if (name == "kernel" && std::any_of(open->values.begin(), open->values.end(), odd))
      return "kernel sizes of decision '" + open->decision + "' must be all odd or all even";
  }
  return "";
}

void count_numbers(const Graph& graph, std::map<std::string, std::size_t>& counts) {
  for (const Node& node : graph.nodes) {
    for (const auto& [name, open] : open_attributes(node)) counts[open.decision] = open.values.size();
    for (const Branch& branch : node.branches)
      if (!branch.body.empty()) count_numbers(branch.graph(), counts);
  }
}

void set_number(Graph& graph, const std::string& decision, std::size_t index) {
  for (Node& node : graph.nodes) {
    for (auto& [name, attribute] : node.attributes)
      if (const auto* open = std::get_if<Open>(&attribute); open != nullptr && open->decision == decision) attribute = std::int64_t{open->values.at(index)};
    for (Branch& branch : node.branches)
      if (!branch.body.empty()) set_number(branch.body.front(), decision, index);
  }
}

}  // namespace

std::map<std::string, std::size_t> open_numbers(const Graph& open) {
  std::map<std::string, std::size_t> counts;
  count_numbers(open, counts);
  return counts;
}

Graph with_number(Graph open, const std::string& decision, std::size_t index) {
  set_number(open, decision, index);
  infer_shapes(open);
  return open;
}

std::string no_counting(const Graph& open) {
  for (const auto& [decision, count] : open_numbers(open)) {
    try {
      for (std::size_t i = 0; i < count; ++i) with_number(open, decision, i);
    } catch (const UsageError& error) {
      return "with one value of decision '" + decision + "' alone " + error.what();
    }
  }
  return "";
}

std::string no_sharing(const Graph& open) { return first(open, no_elastic); }

std::string no_mixing(const Graph& open) {
  return first(open, [](const Node& node) -> std::string {
    if (node.op != "select" || std::get<std::string>(node.attributes.at("combine")) != "concat") return "";
    const auto least = std::get<std::int64_t>(node.attributes.at("minimum"));
    if (least == static_cast<std::int64_t>(node.inputs.size())) return "";
    return "node '" + node.name + "': a select that concatenates cannot be relaxed, only sampled";
  });
}

}  // namespace netwright
