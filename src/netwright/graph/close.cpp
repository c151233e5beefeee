#include "netwright/graph/close.hpp"

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

[[noreturn]] void fail(const Node& node, const std::string& why) { throw UsageError("node '" + node.name + "': " + why); }

int single(const Node& node, const std::string& decision, const Picks& picks, std::size_t count) {
  const std::vector<int> picked = picks(decision);
  if (picked.size() != 1 || picked[0] < 0 || picked[0] >= static_cast<int>(count))
    fail(node, "decision '" + decision + "' needs one pick of " + std::to_string(count));
  return picked[0];
}

// What stands before a node's name in the closed graph, and before its weights' names in the supernet of the open one.
struct Scope {
  std::string closed;
  std::string open;
};

// Copies an open graph, node by node, into a closed one; `at[i]` is where node i's value stands in it.
class Closing {
 public:
  Closing(Graph& target, const Picks& picks, Origins* origins) : target_(target), picks_(picks), origins_(origins) {}

  // Which nodes an output needs, given the picks: an unpicked input of a select needs nothing.
  std::vector<bool> needed(const Graph& open) const {
    std::vector<bool> need(open.nodes.size(), false);
    for (const int output : open.outputs) need[static_cast<std::size_t>(output)] = true;
    for (std::size_t i = open.nodes.size(); i-- > 0;) {
      if (!need[i]) continue;
      const Node& node = open.nodes[i];
      for (const int input : read(node)) need[static_cast<std::size_t>(input)] = true;
    }
    return need;
  }

  std::vector<int> copy(const Graph& open, const Scope& scope, std::vector<int> at) {
    const auto need = needed(open);
    at.resize(open.nodes.size(), -1);
    for (const auto& [name, label] : open.labels) target_.labels[scope.closed + name] = label;
    for (std::size_t i = 0; i < open.nodes.size(); ++i)
      if (at[i] < 0 && (need[i] || open.nodes[i].op == "input")) at[i] = place(open.nodes[i], scope, at);
    return at;
  }

 private:
  std::vector<int> picked_inputs(const Node& node) const {
    std::vector<int> picked = picks_(node.decision);
    std::sort(picked.begin(), picked.end());
    const auto minimum = std::get<std::int64_t>(node.attributes.at("minimum")), maximum = std::get<std::int64_t>(node.attributes.at("maximum"));
    const auto size = static_cast<std::int64_t>(picked.size());
    const bool valid = size >= minimum && size <= maximum && std::adjacent_find(picked.begin(), picked.end()) == picked.end() &&
                       (picked.empty() || (picked.front() >= 0 && picked.back() < static_cast<int>(node.inputs.size())));
    if (!valid) fail(node, "decision '" + node.decision + "' needs " + std::to_string(minimum) + " to " + std::to_string(maximum) + " picks of " + std::to_string(node.inputs.size()));
    return picked;
  }

  std::vector<int> read(const Node& node) const {
    if (node.op != "select") return node.inputs;
    std::vector<int> inputs;
    for (const int i : picked_inputs(node)) inputs.push_back(node.inputs[static_cast<std::size_t>(i)]);
    return inputs;
  }

  int inline_branch(const Node& node, const Branch& branch, int input, const Scope& scope, bool name_branch) {
    if (branch.body.empty()) return input;
    const std::string inner = scope.closed + node.name + (name_branch ? "." + branch.name : "");
    target_.labels[inner] = branch.name;
    const auto at = copy(branch.graph(), {inner + ".", scope.open + node.name + "." + branch.name + "."}, {input});
    return at[static_cast<std::size_t>(branch.graph().outputs[0])];
  }

  int place(const Node& node, const Scope& scope, const std::vector<int>& at) {
    if (node.op == "choice") {
      const Branch& branch = node.branches[static_cast<std::size_t>(single(node, node.decision, picks_, node.branches.size()))];
      if (branch.search_only) fail(node, "candidate '" + branch.name + "' is for the supernet only and cannot be picked");
      return inline_branch(node, branch, at[static_cast<std::size_t>(node.inputs[0])], scope, false);
    }
    if (node.op == "select") return place_select(node, scope, at);
    Node closed = node;
    closed.name = scope.closed + node.name;
    if (origins_ != nullptr) origins_->emplace(closed.name, scope.open + node.name);
    for (int& input : closed.inputs) input = at[static_cast<std::size_t>(input)];
    for (const auto& [name, open] : open_attributes(node))
      closed.attributes[name] = open.values[static_cast<std::size_t>(single(node, open.decision, picks_, open.values.size()))];
    return append(std::move(closed));
  }

  int place_select(const Node& node, const Scope& scope, const std::vector<int>& at) {
    std::vector<int> values;
    for (const int i : picked_inputs(node)) {
      const auto index = static_cast<std::size_t>(i);
      values.push_back(inline_branch(node, node.branches[index], at[static_cast<std::size_t>(node.inputs[index])], scope, true));
    }
    if (values.size() == 1) return values[0];
    const bool concat = std::get<std::string>(node.attributes.at("combine")) == "concat";
    Node combined{.name = scope.closed + node.name, .op = values.empty() ? "zero" : concat ? "concat" : "add", .inputs = values};
    if (values.empty()) combined.inputs = {at[static_cast<std::size_t>(node.inputs[0])]};
    return append(std::move(combined));
  }

  int append(Node node) {
    target_.nodes.push_back(std::move(node));
    return static_cast<int>(target_.nodes.size()) - 1;
  }

  Graph& target_;
  const Picks& picks_;
  Origins* origins_;
};

}  // namespace

Graph close(const Graph& open, const Picks& picks, Origins* origins) {
  Graph closed;
  Closing closing(closed, picks, origins);
  const auto at = closing.copy(open, {}, {});
  for (const int output : open.outputs) closed.outputs.push_back(at[static_cast<std::size_t>(output)]);
  closed = without_dead_nodes(closed);
  infer_shapes(closed);
  validate(closed);
  return closed;
}

Graph without_dead_nodes(const Graph& graph) {
  std::vector<bool> live(graph.nodes.size(), false);
  for (const int output : graph.outputs) live[static_cast<std::size_t>(output)] = true;
  for (std::size_t i = graph.nodes.size(); i-- > 0;)
    if (live[i])
      for (const int input : graph.nodes[i].inputs) live[static_cast<std::size_t>(input)] = true;
  Graph result;
  result.labels = graph.labels;
  std::vector<int> at(graph.nodes.size(), -1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!live[i] && graph.nodes[i].op != "input") continue;
    at[i] = static_cast<int>(result.nodes.size());
    result.nodes.push_back(graph.nodes[i]);
    for (int& input : result.nodes.back().inputs) input = at[static_cast<std::size_t>(input)];
  }
  for (const int output : graph.outputs) result.outputs.push_back(at[static_cast<std::size_t>(output)]);
  return result;
}

}  // namespace netwright
