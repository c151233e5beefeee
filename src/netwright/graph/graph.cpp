#include "netwright/graph/graph.hpp"

#include <algorithm>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

[[noreturn]] void fail(const Node& node, const std::string& why) { throw UsageError("node '" + node.name + "' (" + node.op + "): " + why); }

const Attribute& attribute(const Node& node, std::string_view name) {
  if (const auto own = node.attributes.find(name); own != node.attributes.end()) return own->second;
  for (const auto& spec : operation(node.op).attributes)
    if (spec.name == name) return spec.fallback;
  throw Error("operation '" + node.op + "' has no attribute '" + std::string(name) + "'");
}

bool is_structure(const Node& node) { return node.op == "choice" || node.op == "select"; }

// The shapes that a select combines: each input, through its branch where there is one.
Shape select_shape(const Node& node, const std::vector<Shape>& inputs) {
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool identity = node.branches.empty() || node.branches[i].body.empty();
    shapes.push_back(identity ? inputs[i] : node.branches[i].graph().output().shape);
  }
  Shape result = shapes.front();
  const auto combine = node.attributes.find("combine");
  const bool concat = combine != node.attributes.end() && std::get<std::string>(combine->second) == "concat";
  for (std::size_t i = 1; i < shapes.size(); ++i) {
    const bool fits = concat ? shapes[i].size() == result.size() && std::equal(shapes[i].begin() + 1, shapes[i].end(), result.begin() + 1)
                             : shapes[i] == result;
    if (!fits) fail(node, "input 0 has shape " + to_string(result) + " but input " + std::to_string(i) + " has " + to_string(shapes[i]));
  }
  if (concat) {
    std::vector<std::int64_t> widths;
    for (const auto& shape : shapes) widths.push_back(shape[0]);
    if (std::any_of(widths.begin(), widths.end(), [&](auto w) { return w != widths[0]; })) fail(node, "a concat select needs equal channels");
    result[0] *= std::get<std::int64_t>(node.attributes.at("maximum"));
  }
  return result;
}

Shape choice_shape(const Node& node) {
  const Shape& first = node.branches.front().graph().output().shape;
  for (const auto& branch : node.branches)
    if (branch.graph().output().shape != first)
      fail(node, "candidate '" + node.branches.front().name + "' gives " + to_string(first) + " but candidate '" + branch.name + "' gives " +
                     to_string(branch.graph().output().shape));
  return first;
}

void infer_node(Graph& graph, Node& node) {
  std::vector<Shape> inputs = input_shapes(graph, node);
  for (std::size_t i = 0; i < node.branches.size(); ++i) {
    if (node.branches[i].body.empty()) continue;
    Graph& body = node.branches[i].body.front();
    body.nodes.front().shape = inputs[node.op == "choice" ? 0 : i];
    infer_shapes(body);
  }
  if (node.op == "choice") node.shape = choice_shape(node);
  else if (node.op == "select") node.shape = select_shape(node, inputs);
  else if (node.op != "input") {
    node.shape = operation(node.op).shape({node, inputs, node.shape});
    for (const auto size : node.shape)
      if (size <= 0) fail(node, "gives the impossible shape " + to_string(node.shape) + " from " + to_string(inputs.front()));
  }
}

void validate_attributes(const Node& node) {
  const auto& known = operation(node.op).attributes;
  std::vector<std::string> names;
  for (const auto& spec : known) {
    names.push_back(spec.name);
    if (spec.required && !node.attributes.contains(spec.name)) fail(node, "needs the attribute '" + spec.name + "'");
  }
  for (const auto& [name, value] : node.attributes) {
    const auto spec = std::find_if(known.begin(), known.end(), [&](const auto& s) { return s.name == name; });
    if (spec == known.end()) fail(node, "has no attribute '" + name + "'" + name_hint(name, names));
    const bool opens = std::holds_alternative<Open>(value) && std::holds_alternative<std::int64_t>(spec->fallback);
    if (value.index() != spec->fallback.index() && !opens) fail(node, "attribute '" + name + "' has the wrong type");
    if (!opens) continue;
    const Open& open = std::get<Open>(value);
    if (open.values.empty()) fail(node, "attribute '" + name + "' is open but has no values");
    if (!open.names.empty() && open.names.size() != open.values.size()) fail(node, "attribute '" + name + "' needs one name a value");
  }
}

void validate_structure(const Node& node) {
  if (node.decision.empty()) fail(node, "names no decision");
  if (node.op == "choice" && node.branches.empty()) fail(node, "has no candidates");
  const std::size_t expected = node.op == "choice" ? node.branches.size() : node.inputs.size();
  if (node.op == "select" && !node.branches.empty() && node.branches.size() != expected) fail(node, "needs one branch an input, or none");
  std::set<std::string> names;
  for (const auto& branch : node.branches) {
    if (!names.insert(branch.name).second) fail(node, "has two candidates called '" + branch.name + "'");
    if (branch.body.empty() && node.op == "choice") fail(node, "candidate '" + branch.name + "' is empty");
    if (!branch.body.empty()) validate(branch.graph());
  }
}

void validate_arity(const Node& node) {
  const int count = static_cast<int>(node.inputs.size());
  if (node.op == "choice" && count != 1) fail(node, "reads " + std::to_string(count) + " values; it reads 1");
  if (node.op == "select" && count < 1) fail(node, "reads no value");
  if (is_structure(node)) return;
  const auto& entry = operation(node.op);
  if (count < entry.minimum_inputs || (entry.maximum_inputs >= 0 && count > entry.maximum_inputs))
    fail(node, "reads " + std::to_string(count) + " values; it reads " + std::to_string(entry.minimum_inputs) +
                   (entry.maximum_inputs < 0 ? " or more" : entry.maximum_inputs > entry.minimum_inputs ? " to " + std::to_string(entry.maximum_inputs) : ""));
}

// The name of the node whose weight this one uses; empty: its own.
std::string tied_to(const Node& node) {
  const auto tied = node.attributes.find("tied");
  return tied == node.attributes.end() ? "" : std::get<std::string>(tied->second);
}

// Attributes that name another node: names are no part of what a graph computes.
bool names_a_node(std::string_view attribute) { return attribute == "tied" || attribute == "carried"; }

// A tied weight is known by what its owner computes, not by the owner's name.
std::uint64_t hash_owner(const Graph& graph, const std::vector<std::uint64_t>& hashes, const std::string& name) {
  for (std::size_t i = 0; i < hashes.size(); ++i)
    if (graph.nodes[i].name == name) return hashes[i];
  return hash_text(name);
}

std::uint64_t hash_attributes(const Node& node) {
  std::uint64_t h = hash_text(node.op);
  if (is_structure(node)) h = mix(h, hash_text(node.decision));
  for (const auto& [name, value] : node.attributes) {
    h = mix(h, hash_text(name));
    if (names_a_node(name)) continue;
    if (const auto* i = std::get_if<std::int64_t>(&value)) h = mix(h, static_cast<std::uint64_t>(*i));
    else if (const auto* d = std::get_if<double>(&value)) h = mix(h, hash_text(std::to_string(*d)));
    else if (const auto* s = std::get_if<std::string>(&value)) h = mix(h, hash_text(*s));
    else {
      h = mix(h, hash_text(std::get<Open>(value).decision));
      for (const auto v : std::get<Open>(value).values) h = mix(h, static_cast<std::uint64_t>(v));
    }
  }
  return h;
}

}  // namespace

std::string to_string(const Shape& shape) {
  std::string text;
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? "x" : "") + std::to_string(shape[i]);
  return text.empty() ? "scalar" : text;
}

std::int64_t elements(const Shape& shape) {
  std::int64_t count = 1;
  for (const auto size : shape) count *= size;
  return count;
}

bool Graph::open() const { return std::any_of(nodes.begin(), nodes.end(), is_open); }

bool is_open(const Node& node) { return is_structure(node) || !open_attributes(node).empty(); }

std::vector<std::pair<std::string, Open>> open_attributes(const Node& node) {
  std::vector<std::pair<std::string, Open>> open;
  for (const auto& [name, value] : node.attributes)
    if (const auto* o = std::get_if<Open>(&value)) open.emplace_back(name, *o);
  return open;
}

std::int64_t integer(const Node& node, std::string_view name) {
  const Attribute& value = attribute(node, name);
  if (const auto* open = std::get_if<Open>(&value)) return *std::max_element(open->values.begin(), open->values.end());
  return std::get<std::int64_t>(value);
}

double number(const Node& node, std::string_view name) { return std::get<double>(attribute(node, name)); }

std::string text(const Node& node, std::string_view name) { return std::get<std::string>(attribute(node, name)); }

void infer_shapes(Graph& graph) {
  for (auto& node : graph.nodes) infer_node(graph, node);
}

void validate(const Graph& graph) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.name.empty()) throw UsageError("node " + std::to_string(i) + " has no name");
    if (!names.insert(node.name).second) fail(node, "there are two nodes of this name");
    for (const int input : node.inputs)
      if (input < 0 || input >= static_cast<int>(i)) fail(node, "reads node " + std::to_string(input) + ", which is not before it");
    if (node.op == "input") {
      if (!node.inputs.empty()) fail(node, "an input reads nothing");
      continue;
    }
    validate_arity(node);
    if (is_structure(node)) validate_structure(node);
    else validate_attributes(node);
  }
  if (graph.outputs.empty()) throw UsageError("the graph has no output");
  for (const int output : graph.outputs)
    if (output < 0 || output >= static_cast<int>(graph.nodes.size())) throw UsageError("the graph's output " + std::to_string(output) + " is not a node");
}

std::uint64_t canonical_hash(const Graph& graph) {
  std::vector<std::uint64_t> hashes;
  for (const auto& node : graph.nodes) {
    std::uint64_t h = hash_attributes(node);
    if (node.op == "input") h = mix(h, hash_text(to_string(node.shape)));
    if (const std::string owner = tied_to(node); !owner.empty()) h = mix(h, hash_owner(graph, hashes, owner));
    for (const auto& branch : node.branches) h = mix(mix(h, hash_text(branch.name)), branch.body.empty() ? 0 : canonical_hash(branch.graph()));
    std::vector<std::uint64_t> inputs;
    for (const int input : node.inputs) inputs.push_back(hashes[static_cast<std::size_t>(input)]);
    if (!is_structure(node) && node.op != "input" && operation(node.op).commutative) std::sort(inputs.begin(), inputs.end());
    for (const auto input : inputs) h = mix(h, input);
    hashes.push_back(h);
  }
  std::uint64_t h = 0;
  for (const int output : graph.outputs) h = mix(h, hashes.at(static_cast<std::size_t>(output)));
  return h;
}

}  // namespace netwright
