#pragma once
// A network as data: a list of operations in topological order, closed (a network) or with open choices (a search space).
//
// SSA: node i may read only nodes before it; every value has an inferred shape. Shapes are those of one sample: {channels,
// height, width}, {features} or {steps, features}; the batch is never part of a shape.
//
// Open places, each naming a decision (several places may name the same one: that is how tied cells share their choices):
//   "choice"        one input, several branches; the decision picks one branch;
//   "select"        n inputs, the decision picks k of them, `combine` = sum | concat; an optional branch per input;
//   open attribute  a number (kernel, channels, ...) that the decision picks out of a list.
//
// Carried states: a `zero` whose attribute `carried` names a later node starts, where a run carries states from window to window, with what
// that node gave in the window before (nn/network.hpp).
// Tied weights: a node whose attribute `tied` names an earlier node uses that node's weight (a recurrent cell's, step after step; an
// embedding as a classifier). The name is the one in the closed graph.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace netwright {

using Shape = std::vector<std::int64_t>;
std::string to_string(const Shape& shape);  // "16x32x32"
std::int64_t elements(const Shape& shape);

// A number that a decision picks: pick i gives values[i]. Ordered decisions (kernel 3, 5, 7) are ordinal.
struct Open {
  std::string decision;
  std::vector<std::int64_t> values;
  // What the picks are called; empty: the values. Places of one decision share these names, not their values (width w, 2w, 4w).
  std::vector<std::string> names = {};
  bool operator==(const Open&) const = default;
};

using Attribute = std::variant<std::int64_t, double, std::string, Open>;
using Attributes = std::map<std::string, Attribute, std::less<>>;

struct Graph;

// A candidate of a choice (exactly one input), or what stands on one input of a select.
struct Branch {
  std::string name;
  std::vector<Graph> body;     // exactly one graph; empty = identity (allowed in select only)
  bool search_only = false;    // takes part in a supernet but is never picked (DARTS' "none")
  const Graph& graph() const { return body.front(); }
};

struct Node {
  std::string name;            // unique in its graph, dotted scopes: "cell3.edge0.conv"
  std::string op;              // an entry of the operation table, or "input", "choice", "select"
  Attributes attributes;       // only what differs from the operation's defaults
  std::vector<int> inputs;
  std::string decision;        // choice and select: which decision decides
  std::vector<Branch> branches;
  Shape shape;                 // of the value; open attributes count at their largest
};

struct Graph {
  std::vector<Node> nodes;
  std::vector<int> outputs;    // the result; of two, the second is an auxiliary one; more are the levels of a pyramid
  // Scope -> what stands there, for drawing: "cell3.edge0" -> "sep_conv_3x3".
  std::map<std::string, std::string, std::less<>> labels;

  const Node& output() const { return nodes.at(static_cast<std::size_t>(outputs.at(0))); }
  bool open() const;           // has an open place, at any depth
};

bool is_open(const Node& node);                        // choice, select or an open attribute
std::vector<std::pair<std::string, Open>> open_attributes(const Node& node);

// The attribute, or the operation's default. An open attribute gives its largest value. Errors: Error for an unknown name.
std::int64_t integer(const Node& node, std::string_view attribute);
double number(const Node& node, std::string_view attribute);
std::string text(const Node& node, std::string_view attribute);

// Fills every Node::shape again, in branches too. Errors: UsageError naming the node, the rule and the shapes.
void infer_shapes(Graph& graph);

// Checks names, inputs, order, attributes and branches. Errors: UsageError naming the node, the value and the nearest known name.
void validate(const Graph& graph);

// Equal for graphs that differ only in node names, in the order of independent nodes, or in the order of inputs of commutative
// operations. A value that is read twice and two equal values hash alike (as in the NAS-Bench-201 strings).
std::uint64_t canonical_hash(const Graph& graph);

}  // namespace netwright
