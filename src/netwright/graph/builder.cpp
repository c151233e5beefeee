#include "netwright/graph/builder.hpp"

#include "netwright/core/error.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {

Value Builder::input(Shape shape, std::string_view name) {
  Node node{.name = unique(name), .op = "input"};
  node.shape = std::move(shape);
  return append(std::move(node));
}

Value Builder::add(std::string_view op, std::vector<Value> inputs, Attributes attributes, std::string_view name) {
  operation(op);  // an unknown name fails here, with the nearest one
  Node node{.name = unique(name.empty() ? op : name), .op = std::string(op), .attributes = std::move(attributes)};
  for (const Value value : inputs) node.inputs.push_back(value.node);
  return append(std::move(node));
}

Value Builder::add(std::string_view op, Value input, Attributes attributes, std::string_view name) {
  return add(op, std::vector<Value>{input}, std::move(attributes), name);
}

Value Builder::choice(std::string_view decision, Value input, const std::vector<BranchSpec>& candidates, std::string_view name) {
  Node node{.name = unique(name), .op = "choice", .inputs = {input.node}, .decision = std::string(decision)};
  for (const auto& candidate : candidates) node.branches.push_back(branch(candidate, shape(input)));
  return append(std::move(node));
}

Value Builder::select(std::string_view decision, const std::vector<Value>& inputs, const SelectOptions& options) {
  Node node{.name = unique(options.name), .op = "select", .decision = std::string(decision)};
  for (const Value value : inputs) node.inputs.push_back(value.node);
  node.attributes = {{"minimum", std::int64_t{options.minimum}}, {"maximum", std::int64_t{options.maximum}}, {"combine", options.combine}};
  if (!options.branches.empty() && options.branches.size() != inputs.size())
    throw UsageError("node '" + node.name + "' (select): needs one branch an input, or none");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string fallback = i < options.names.size() ? options.names[i] : std::to_string(i);
    node.branches.push_back(options.branches.empty() ? Branch{.name = fallback, .body = {}} : branch(options.branches[i], shape(inputs[i])));
  }
  return append(std::move(node));
}

const Shape& Builder::shape(Value value) const { return graph_.nodes.at(static_cast<std::size_t>(value.node)).shape; }

const std::string& Builder::name(Value value) const { return graph_.nodes.at(static_cast<std::size_t>(value.node)).name; }

void Builder::set(Value value, std::string_view attribute, Attribute to) {
  graph_.nodes.at(static_cast<std::size_t>(value.node)).attributes[std::string(attribute)] = std::move(to);
}

Builder::Scope Builder::scope(std::string_view name, std::string_view label) {
  std::string outer = prefix_;
  prefix_ += std::string(name) + ".";
  if (!label.empty()) graph_.labels[prefix_.substr(0, prefix_.size() - 1)] = std::string(label);
  return Scope(*this, std::move(outer));
}

Graph Builder::finish(std::vector<Value> outputs) {
  for (const Value value : outputs) graph_.outputs.push_back(value.node);
  validate(graph_);
  return std::move(graph_);
}

std::string Builder::unique(std::string_view name) {
  const std::string full = prefix_ + std::string(name);
  int& uses = names_[full];
  std::string free = ++uses == 1 ? full : full + "_" + std::to_string(uses);
  while (free != full && !names_.emplace(free, 1).second) free = full + "_" + std::to_string(++uses);   // somebody wrote "conv_2" himself
  return free;
}

Value Builder::append(Node node) {
  const auto fits = [&](int i) { return i >= 0 && i < static_cast<int>(graph_.nodes.size()); };
  for (const int i : node.inputs)
    if (!fits(i)) throw Error("node '" + node.name + "' reads a value of another builder");
  // Shapes are inferred in a graph that ends in this node, so that an impossible one is refused where it is written.
  const Shape given = node.shape;
  graph_.nodes.push_back(std::move(node));
  Node& added = graph_.nodes.back();
  if (added.op != "input") {
    const std::vector<Shape> inputs = input_shapes(graph_, added);
    Graph probe;
    for (const auto& shape : inputs) {
      Node source{.name = "input" + std::to_string(probe.nodes.size()), .op = "input"};
      source.shape = shape;
      probe.nodes.push_back(std::move(source));
    }
    const std::vector<int> original = added.inputs;
    for (std::size_t i = 0; i < added.inputs.size(); ++i) added.inputs[i] = static_cast<int>(i);
    probe.nodes.push_back(std::move(added));
    try {
      infer_shapes(probe);
    } catch (...) {
      graph_.nodes.pop_back();
      throw;
    }
    graph_.nodes.back() = std::move(probe.nodes.back());
    graph_.nodes.back().inputs = original;
  }
  return {static_cast<int>(graph_.nodes.size()) - 1};
}

Branch Builder::branch(const BranchSpec& candidate, const Shape& input) {
  Branch result{.name = candidate.name, .body = {}, .search_only = candidate.search_only};
  if (candidate.body) {
    Builder inner;
    const Value x = inner.input(input);
    result.body.push_back(inner.finish({candidate.body(inner, x)}));
  }
  return result;
}

}  // namespace netwright
