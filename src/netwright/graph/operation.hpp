#pragma once
// The operation table: all that the product knows of an operation without running it.
//
// An operation is one entry of operations.cpp (name, attributes with defaults, shape rule, parameters, MACs) and one kernel of
// nn/operations.cpp. Nothing else knows operations by name.
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/graph/graph.hpp"

namespace netwright {

struct AttributeSpec {
  std::string name;
  Attribute fallback;          // the default; its type is the attribute's type
  std::string meaning;
  bool required = false;
};

// How a parameter starts: `fan` as PyTorch's layers do (uniform, bound 1/sqrt(fan_in)), `table` as learned tables and tokens do
// (normal, deviation 0.02), or a constant.
enum class Init { fan, zeros, ones, table };

struct Parameter {
  std::string name;            // "weight", "bias", "running_mean", "running_var"
  Shape shape;                 // convolution {out, in / groups, kernel_h, kernel_w}, linear {out, in}
  bool trainable = true;       // false: a buffer
  Init init = Init::fan;
  // The node whose parameter of the same name this is; empty: the node's own. A borrowed one is neither counted nor stored again.
  std::string owner = "";
};

// What the rules of an operation may look at.
struct OperationCase {
  const Node& node;
  std::span<const Shape> inputs;
  const Shape& output;         // empty while the shape rule runs
};

struct Operation {
  std::string name;
  std::string meaning;
  int minimum_inputs = 1;
  int maximum_inputs = 1;      // -1: any number
  std::vector<AttributeSpec> attributes;
  std::function<Shape(const OperationCase&)> shape;                       // throws UsageError on impossible shapes
  std::function<std::vector<Parameter>(const OperationCase&)> parameters; // null: none
  std::function<std::int64_t(const OperationCase&)> macs;                 // multiply-accumulates a sample; null: 0
  bool commutative = false;    // the order of inputs does not matter
  bool keeps_zero = false;     // maps a zero channel to a zero channel (ReLU yes, batch norm no): matters for elastic widths
};

const std::vector<Operation>& operations();
// Errors: UsageError with the nearest name.
const Operation& operation(std::string_view name);
std::vector<std::string> operation_names();

// The parameters of one node, given the shapes that it reads; empty for input, choice and select.
std::vector<Parameter> parameters(const Node& node, const std::vector<Shape>& inputs);
std::vector<Shape> input_shapes(const Graph& graph, const Node& node);

}  // namespace netwright
