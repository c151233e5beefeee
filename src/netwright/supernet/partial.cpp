#include "netwright/supernet/partial.hpp"

#include <optional>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

// The candidate's graph on 1/share of its channels; nothing where a number of channels is not divisible.
std::optional<Graph> narrowed(Graph graph, Int share) {
  for (auto& node : graph.nodes) {
    if (node.op == "input") {
      if (node.shape.empty() || node.shape[0] % share != 0) return std::nullopt;
      node.shape[0] /= share;
    }
    const auto channels = node.attributes.find("channels");
    if (channels != node.attributes.end()) {
      auto* number = std::get_if<Int>(&channels->second);
      if (number == nullptr || *number % share != 0) return std::nullopt;
      *number /= share;
    }
    for (auto& branch : node.branches) {
      if (branch.body.empty()) continue;
      auto inner = narrowed(branch.graph(), share);
      if (!inner) return std::nullopt;
      branch.body = {std::move(*inner)};
    }
  }
  try {
    infer_shapes(graph);
  } catch (const UsageError&) {
    return std::nullopt;
  }
  return graph;
}

std::optional<Node> narrowed_choice(const Node& node, const Shape& input, Int share) {
  const bool fits = input.size() == 3 && node.shape.size() == 3 && input[0] == node.shape[0] && input[0] % share == 0;
  const bool halves = fits && (node.shape[1] == input[1] || node.shape[1] == (input[1] + 1) / 2);
  if (!halves) return std::nullopt;
  Node narrow = node;
  for (auto& branch : narrow.branches) {
    auto inner = narrowed(branch.graph(), share);
    if (!inner) return std::nullopt;
    branch.body = {std::move(*inner)};
  }
  return narrow;
}

// Copies a graph node by node; a rewritten choice becomes several.
struct Rewriter {
  Int share;
  Graph result = {};

  int append(Node node) {
    result.nodes.push_back(std::move(node));
    return static_cast<int>(result.nodes.size()) - 1;
  }

  int step(const std::string& name, const std::string& op, Attributes attributes, std::vector<int> inputs) {
    return append({.name = name, .op = op, .attributes = std::move(attributes), .inputs = std::move(inputs)});
  }

  int write_partial(Node choice, const Shape& input) {
    const std::string name = choice.name;
    const int x = choice.inputs[0];
    const Int taken = input[0] / share;
    choice.inputs = {step(name + ".part", "slice", {{"channels", taken}}, {x})};
    const bool smaller = choice.shape[1] != input[1];
    const int mixed = append(std::move(choice));
    int bypass = step(name + ".bypass", "slice", {{"offset", taken}}, {x});
    if (smaller) bypass = step(name + ".bypass_pool", "max_pool", {{"kernel", Int{input[1] % 2 == 0 ? 2 : 1}}, {"stride", Int{2}}, {"padding", Int{0}}}, {bypass});
    const int joined = step(name + ".joined", "concat", {}, {mixed, bypass});
    return step(name + ".shuffled", "channel_shuffle", {{"groups", share}}, {joined});
  }
};

Graph rewritten(const Graph& graph, Int share) {
  Rewriter rewriter{share};
  std::vector<int> place;
  for (const Node& old : graph.nodes) {
    Node node = old;
    for (auto& input : node.inputs) input = place[static_cast<std::size_t>(input)];
    if (node.op == "choice") {
      const Shape& input = graph.nodes[static_cast<std::size_t>(old.inputs[0])].shape;
      if (auto narrow = narrowed_choice(node, input, share)) {
        place.push_back(rewriter.write_partial(std::move(*narrow), input));
        continue;
      }
    }
    for (auto& branch : node.branches)
      if (!branch.body.empty()) branch.body = {rewritten(branch.graph(), share)};
    place.push_back(rewriter.append(std::move(node)));
  }
  for (const int output : graph.outputs) rewriter.result.outputs.push_back(place[static_cast<std::size_t>(output)]);
  rewriter.result.labels = graph.labels;
  return rewriter.result;
}

}  // namespace

Graph partial_channels(const Graph& open, std::int64_t share) {
  if (share < 1) throw UsageError("partial channels: a share of 1/" + std::to_string(share) + " is none");
  if (share == 1) return open;
  Graph graph = rewritten(open, share);
  infer_shapes(graph);
  validate(graph);
  return graph;
}

}  // namespace netwright
