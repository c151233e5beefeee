#include "netwright/export/onnx.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/export/onnx_body.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;
using Names = std::vector<std::string>;

// Writes weights into the body as they are asked for.
class WeightTable {
 public:
  explicit WeightTable(const Weights& weights) {
    for (const auto& weight : weights) {
      index_.emplace(weight.name, &weight);
      names_.push_back(weight.name);
    }
  }

  const Weight& find(const std::string& name, const Shape& shape) const {
    const auto found = index_.find(name);
    if (found == index_.end()) throw UsageError("the weights lack '" + name + "' of shape " + to_string(shape) + name_hint(name, names_));
    const Weight& weight = *found->second;
    if (weight.shape != shape || static_cast<Int>(weight.values.size()) != elements(shape))
      throw UsageError("the weight '" + name + "' has shape " + to_string(weight.shape) + " and " + std::to_string(weight.values.size()) + " values; the network needs " + to_string(shape));
    return weight;
  }

 private:
  std::unordered_map<std::string, const Weight*> index_;
  Names names_;
};

// One node on its way into ONNX.
struct Conversion {
  const Node& node;
  const Names& inputs;
  const std::vector<Shape>& shapes;   // of the inputs
  const WeightTable& weights;
  OnnxBody& body;

  [[noreturn]] void fail(const std::string& why) const { throw UsageError("node '" + node.name + "' (" + node.op + ") cannot be exported to ONNX: " + why); }

  // The node's last step: its output carries the node's name.
  void give(std::string_view type, const Names& from, const OnnxAttributes& attributes = {}) const { body.add(type, from, node.name, attributes); }
  std::string step(std::string_view type, const Names& from, std::string_view role, const OnnxAttributes& attributes = {}) const {
    return body.add(type, from, node.name + "/" + std::string(role), attributes);
  }
  // The node's parameters in the order of the operation table, written into the model.
  Names parameters() const {
    Names names;
    for (const auto& parameter : netwright::parameters(node, shapes)) {
      const bool tied = !parameter.owner.empty();
      const Weight& weight = weights.find((tied ? parameter.owner : node.name) + "." + parameter.name, parameter.shape);
      if (!tied) body.weight(weight.name, weight.shape, weight.values);
      names.push_back(weight.name);
    }
    return names;
  }
};

Names joined(Names first, const Names& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// The window attributes that convolutions and poolings share.
OnnxAttributes window(const Node& node) {
  const Int h = integer(node, "kernel"), stride = integer(node, "stride"), dilation = integer(node, "dilation"), padding = integer(node, "padding");
  const Int w = integer(node, "kernel_w") > 0 ? integer(node, "kernel_w") : h;
  const Int stride_w = integer(node, "stride_w") > 0 ? integer(node, "stride_w") : stride;
  const Int pad_h = padding >= 0 ? padding : dilation * (h - 1) / 2, pad_w = padding >= 0 ? padding : dilation * (w - 1) / 2;
  OnnxAttributes list{{"kernel_shape", std::vector<Int>{h, w}}, {"strides", std::vector<Int>{stride, stride_w}}, {"pads", std::vector<Int>{pad_h, pad_w, pad_h, pad_w}}};
  if (dilation != 1) list.push_back({"dilations", std::vector<Int>{dilation, dilation}});
  return list;
}

void convolution(const Conversion& c) {
  OnnxAttributes attributes = window(c.node);
  const Int groups = integer(c.node, "groups");
  attributes.push_back({"group", groups == 0 ? c.shapes[0][0] : groups});
  c.give("Conv", joined(c.inputs, c.parameters()), attributes);
}

void max_pooling(const Conversion& c) { c.give("MaxPool", c.inputs, window(c.node)); }

void average_pooling(const Conversion& c) {
  OnnxAttributes attributes = window(c.node);
  attributes.push_back({"count_include_pad", Int{0}});
  if (integer(c.node, "dilation") != 1) c.body.need_opset(19);
  c.give("AveragePool", c.inputs, attributes);
}

void linear(const Conversion& c) {
  const Names parameters = c.parameters();
  if (c.shapes[0].size() == 1) return c.give("Gemm", joined(c.inputs, parameters), {{"transB", Int{1}}});
  const std::string weight = c.step("Transpose", {parameters[0]}, "transposed", {{"perm", std::vector<Int>{1, 0}}});
  if (parameters.size() == 1) return c.give("MatMul", {c.inputs[0], weight});
  c.give("Add", {c.step("MatMul", {c.inputs[0], weight}, "product"), parameters[1]});
}

void batch_norm(const Conversion& c) {
  Names parameters = c.parameters();
  if (parameters.size() == 2) {
    // Without a learned scale and shift ONNX still wants both.
    const Int channels = c.shapes[0][0];
    const std::string scale = c.node.name + ".weight", shift = c.node.name + ".bias";
    c.body.weight(scale, {channels}, std::vector<float>(static_cast<std::size_t>(channels), 1.0f));
    c.body.weight(shift, {channels}, std::vector<float>(static_cast<std::size_t>(channels), 0.0f));
    parameters = joined({scale, shift}, parameters);
  }
  c.give("BatchNormalization", joined(c.inputs, parameters), {{"epsilon", static_cast<float>(number(c.node, "epsilon"))}});
}

void relu(const Conversion& c) { c.give("Relu", c.inputs); }
void relu6(const Conversion& c) { c.give("Clip", {c.inputs[0], c.body.scalar(0.0f), c.body.scalar(6.0f)}); }
void sigmoid(const Conversion& c) { c.give("Sigmoid", c.inputs); }
void hyperbolic_tangent(const Conversion& c) { c.give("Tanh", c.inputs); }
void silu(const Conversion& c) { c.give("Mul", {c.inputs[0], c.step("Sigmoid", c.inputs, "sigmoid")}); }
void hard_swish(const Conversion& c) { c.give("HardSwish", c.inputs); }
void hard_sigmoid(const Conversion& c) { c.give("HardSigmoid", c.inputs, {{"alpha", 1.0f / 6.0f}, {"beta", 0.5f}}); }

// x / 2 * (1 + erf(x / sqrt 2))
void gelu(const Conversion& c) {
  const std::string scaled = c.step("Div", {c.inputs[0], c.body.scalar(1.41421356237f)}, "scaled");
  const std::string gate = c.step("Add", {c.step("Erf", {scaled}, "erf"), c.body.scalar(1.0f)}, "gate");
  c.give("Mul", {c.step("Mul", {c.inputs[0], c.body.scalar(0.5f)}, "half"), gate});
}

void global_pooling(const Conversion& c) {
  if (c.shapes[0].size() == 3) return c.give("GlobalAveragePool", c.inputs);
  const std::string turned = c.step("Transpose", c.inputs, "turned", {{"perm", std::vector<Int>{0, 2, 1}}});
  c.give("Flatten", {c.step("GlobalAveragePool", {turned}, "mean")}, {{"axis", Int{1}}});
}

void sum(const Conversion& c) { c.give("Sum", c.inputs); }
void product(const Conversion& c) { c.give("Mul", c.inputs); }
void concatenation(const Conversion& c) { c.give("Concat", c.inputs, {{"axis", Int{1}}}); }
void identity(const Conversion& c) { c.give("Identity", c.inputs); }
void flatten(const Conversion& c) { c.give("Flatten", c.inputs, {{"axis", Int{1}}}); }

// Zeros of the node's shape, whatever the input holds (0 * NaN would stay NaN); the batch size is read off the input.
void zero(const Conversion& c) {
  const std::string batch = c.step("Shape", c.inputs, "batch", {{"start", Int{0}}, {"end", Int{1}}});
  c.give("ConstantOfShape", {c.step("Concat", {batch, c.body.vector(c.node.shape)}, "shape", {{"axis", Int{0}}})});
}

void shift(const Conversion& c) {
  if (c.shapes[0].size() != 3) c.fail("it reads shape " + to_string(c.shapes[0]) + "; only channels x height x width is moved");
  const Int offset = integer(c.node, "offset");
  std::vector<Int> starts, ends, front{0, 0}, back{0, 0};
  for (const Int size : {c.shapes[0][1], c.shapes[0][2]}) {
    const Int moved = std::clamp(offset, -size, size);
    starts.push_back(std::max<Int>(moved, 0));
    ends.push_back(moved >= 0 ? size : size + moved);
    front.push_back(std::max<Int>(-moved, 0));
    back.push_back(std::max<Int>(moved, 0));
  }
  const std::string kept = c.step("Slice", {c.inputs[0], c.body.vector(starts), c.body.vector(ends), c.body.vector({2, 3})}, "kept");
  front.insert(front.end(), back.begin(), back.end());
  c.give("Pad", {kept, c.body.vector(front)});
}

// Negative numbers cut off in ONNX too.
void pad(const Conversion& c) {
  const Int pixels = integer(c.node, "pixels");
  c.give("Pad", {c.inputs[0], c.body.vector({0, 0, pixels, pixels, 0, 0, 0, 0})});
}

void channel_shuffle(const Conversion& c) {
  const Shape& shape = c.shapes[0];
  const Int groups = integer(c.node, "groups");
  // 0 keeps the batch size.
  std::vector<Int> split{0, groups, shape[0] / groups}, whole{0, shape[0]}, order{0, 2, 1};
  for (std::size_t i = 1; i < shape.size(); ++i) {
    split.push_back(shape[i]);
    whole.push_back(shape[i]);
    order.push_back(static_cast<Int>(i) + 2);
  }
  const std::string grouped = c.step("Reshape", {c.inputs[0], c.body.vector(split)}, "grouped");
  c.give("Reshape", {c.step("Transpose", {grouped}, "swapped", {{"perm", order}}), c.body.vector(whole)});
}

void slice(const Conversion& c) {
  const Int offset = integer(c.node, "offset"), end = offset + c.node.shape[0];
  c.give("Slice", {c.inputs[0], c.body.vector({offset}), c.body.vector({end}), c.body.vector({1})});
}

void scale(const Conversion& c) { c.give("Mul", {c.inputs[0], c.body.scalar(static_cast<float>(number(c.node, "factor")))}); }

void resize(const Conversion& c) {
  c.body.need_opset(18);  // sizes of some axes only
  OnnxAttributes attributes{{"axes", std::vector<Int>{2, 3}}};
  if (integer(c.node, "smooth") != 0) attributes.insert(attributes.end(), {{"mode", "linear"}, {"coordinate_transformation_mode", "half_pixel"}});
  else attributes.insert(attributes.end(), {{"mode", "nearest"}, {"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", "floor"}});
  c.give("Resize", {c.inputs[0], "", "", c.body.vector({c.node.shape[1], c.node.shape[2]})}, attributes);
}

// ---- sequences; 0 in a shape keeps the batch size ----

void tokens(const Conversion& c) {
  const Shape& in = c.shapes[0];
  if (in.size() == 1) return c.give("Reshape", {c.inputs[0], c.body.vector({0, 1, in[0]})});
  const std::string rows = c.step("Reshape", {c.inputs[0], c.body.vector({0, in[0], in[1] * in[2]})}, "pixels");
  c.give("Transpose", {rows}, {{"perm", std::vector<Int>{0, 2, 1}}});
}

void layer_norm(const Conversion& c) {
  c.give("LayerNormalization", joined(c.inputs, c.parameters()), {{"axis", Int{-1}}, {"epsilon", static_cast<float>(number(c.node, "epsilon"))}});
}

void embedding(const Conversion& c) {
  constexpr Int int64 = 7;
  const std::string known = c.step("Clip", {c.inputs[0], c.body.scalar(0.0f), c.body.scalar(static_cast<float>(integer(c.node, "entries") - 1))}, "known");
  const std::string numbers = c.step("Cast", {known}, "numbers", {{"to", int64}}), table = c.parameters()[0];
  if (integer(c.node, "scaled") == 0) return c.give("Gather", {table, numbers});
  const double factor = std::sqrt(static_cast<double>(integer(c.node, "features")));
  c.give("Mul", {c.step("Gather", {table, numbers}, "rows"), c.body.scalar(static_cast<float>(factor))});
}

// What the kernel adds: sines in the first half of the features, cosines in the second.
std::vector<float> sinusoids(Int steps, Int features) {
  const Int half = features / 2;
  std::vector<float> table(static_cast<std::size_t>(steps * features), 0.0f);
  for (Int step = 0; step < steps; ++step)
    for (Int i = 0; i < half; ++i) {
      const double angle = static_cast<double>(step) * std::exp(-std::log(10000.0) * static_cast<double>(i) / static_cast<double>(std::max<Int>(half - 1, 1)));
      table[static_cast<std::size_t>(step * features + i)] = static_cast<float>(std::sin(angle));
      table[static_cast<std::size_t>(step * features + half + i)] = static_cast<float>(std::cos(angle));
    }
  return table;
}

void positions(const Conversion& c) {
  const Names learned = c.parameters();
  const std::string name = learned.empty() ? c.node.name + "/table" : learned[0];
  if (learned.empty()) c.body.weight(name, c.node.shape, sinusoids(c.node.shape[0], c.node.shape[1]));
  c.give("Add", {c.inputs[0], name});
}

void class_token(const Conversion& c) {
  const std::string batch = c.step("Shape", c.inputs, "batch", {{"start", Int{0}}, {"end", Int{1}}});
  const std::string shape = c.step("Concat", {batch, c.body.vector({1, c.node.shape[1]})}, "shape", {{"axis", Int{0}}});
  c.give("Concat", {c.step("Expand", {c.parameters()[0], shape}, "token"), c.inputs[0]}, {{"axis", Int{1}}});
}

// The rows of a relative table for every pair of steps: row 0 where one is the class token. `across`: along columns, else rows.
std::vector<Int> relative_rows(Int steps, Int farthest, bool across) {
  const Int side = std::llround(std::sqrt(static_cast<double>(steps - 1)));
  const auto place = [&](Int step) { return across ? (step - 1) % side : (step - 1) / side; };
  std::vector<Int> rows;
  for (Int i = 0; i < steps; ++i)
    for (Int j = 0; j < steps; ++j) rows.push_back(i == 0 || j == 0 ? 0 : std::clamp(place(j) - place(i), -farthest, farthest) + farthest + 1);
  return rows;
}

std::string relative_offsets(const Conversion& c, const std::string& role, const std::string& by_row, const std::string& by_column) {
  const Int steps = c.shapes[0][0], farthest = integer(c.node, "relative"), width = parameters(c.node, c.shapes)[0].shape[1];
  const std::string title = " of " + std::to_string(steps) + " steps within " + std::to_string(farthest);
  const std::string down = c.step("Gather", {by_row, c.body.vector("rows" + title, relative_rows(steps, farthest, false))}, role + "_down");
  const std::string across = c.step("Gather", {by_column, c.body.vector("columns" + title, relative_rows(steps, farthest, true))}, role + "_across");
  return c.step("Reshape", {c.step("Add", {down, across}, role + "_both"), c.body.vector({steps, steps, width})}, role + "_offsets");
}

// Zero where a step may look, a large negative number where it may not.
std::string causal_mask(const Conversion& c) {
  const Int queries = c.shapes[0][0], keys = c.shapes[1][0];
  std::vector<float> mask;
  for (Int i = 0; i < queries; ++i)
    for (Int j = 0; j < keys; ++j) mask.push_back(j <= i ? 0.0f : -1e9f);
  c.body.weight(c.node.name + "/mask", {queries, keys}, mask);
  return c.node.name + "/mask";
}

void attention(const Conversion& c) {
  const Int width = integer(c.node, "head_width"), heads = width > 0 ? c.shapes[0][1] / width : integer(c.node, "heads");
  const auto by_head = [&](std::size_t i, const std::string& role, std::vector<Int> order) {
    const std::string split = c.step("Reshape", {c.inputs[i], c.body.vector({0, c.shapes[i][0], heads, c.shapes[i][1] / heads})}, role + "_heads");
    return c.step("Transpose", {split}, role, {{"perm", std::move(order)}});
  };
  const std::string query = by_head(0, "query", {0, 2, 1, 3}), key = by_head(1, "key", {0, 2, 3, 1}), value = by_head(2, "value", {0, 2, 1, 3});
  std::string scores = c.step("MatMul", {query, key}, "products");
  const Names tables = c.parameters();
  if (!tables.empty()) {
    const std::string offsets = c.step("Einsum", {query, relative_offsets(c, "key", tables[0], tables[1])}, "key_part", {{"equation", "bhnd,nmd->bhnm"}});
    scores = c.step("Add", {scores, offsets}, "scores");
  }
  const double factor = 1 / std::sqrt(static_cast<double>(c.shapes[0][1] / heads));
  scores = c.step("Mul", {scores, c.body.scalar(static_cast<float>(factor))}, "scaled");
  if (integer(c.node, "causal") != 0) scores = c.step("Add", {scores, causal_mask(c)}, "masked");
  const std::string weights = c.step("Softmax", {scores}, "weights", {{"axis", Int{-1}}});
  std::string mixed = c.step("MatMul", {weights, value}, "mixed");
  if (!tables.empty()) {
    const std::string offsets = c.step("Einsum", {weights, relative_offsets(c, "value", tables[2], tables[3])}, "value_part", {{"equation", "bhnm,nmd->bhnd"}});
    mixed = c.step("Add", {mixed, offsets}, "values");
  }
  const std::string turned = c.step("Transpose", {mixed}, "by_step", {{"perm", std::vector<Int>{0, 2, 1, 3}}});
  c.give("Reshape", {turned, c.body.vector({0, c.node.shape[0], c.node.shape[1]})});
}

struct Mapping {
  std::string_view op;
  void (*convert)(const Conversion&);
};

// Every operation of the operation table. Dropping is for training alone.
constexpr Mapping mappings[] = {
    {"conv", convolution},
    {"linear", linear},
    {"batch_norm", batch_norm},
    {"relu", relu},
    {"relu6", relu6},
    {"silu", silu},
    {"hard_swish", hard_swish},
    {"hard_sigmoid", hard_sigmoid},
    {"gelu", gelu},
    {"sigmoid", sigmoid},
    {"tanh", hyperbolic_tangent},
    {"max_pool", max_pooling},
    {"avg_pool", average_pooling},
    {"global_pool", global_pooling},
    {"add", sum},
    {"multiply", product},
    {"concat", concatenation},
    {"zero", zero},
    {"identity", identity},
    {"shift", shift},
    {"pad", pad},
    {"channel_shuffle", channel_shuffle},
    {"slice", slice},
    {"scale", scale},
    {"resize", resize},
    {"tokens", tokens},
    {"layer_norm", layer_norm},
    {"embedding", embedding},
    {"positions", positions},
    {"class_token", class_token},
    {"attention", attention},
    {"dropout", identity},
    {"drop_path", identity},
    {"flatten", flatten},
};

void convert(const Graph& graph, const Node& node, const WeightTable& weights, OnnxBody& body) {
  if (node.op == "input") return body.input(node.name, node.shape);
  Names inputs;
  for (const int input : node.inputs) inputs.push_back(graph.nodes[static_cast<std::size_t>(input)].name);
  const std::vector<Shape> shapes = input_shapes(graph, node);
  const Conversion conversion{node, inputs, shapes, weights, body};
  const auto found = std::find_if(std::begin(mappings), std::end(mappings), [&](const Mapping& m) { return m.op == node.op; });
  if (found == std::end(mappings)) conversion.fail("the operation has no counterpart there");
  found->convert(conversion);
  body.value(node.name, node.shape);
}

// Only what the exported outputs need.
Graph exported_part(const Graph& closed, bool auxiliary) {
  Graph part = closed;
  if (!auxiliary && part.outputs.size() == 2) part.outputs.resize(1);
  return without_dead_nodes(part);
}

}  // namespace

std::string to_onnx(const Graph& closed, const Weights& weights, const OnnxOptions& options) {
  if (closed.open()) throw UsageError("an open graph cannot be exported to ONNX: close it with an architecture first");
  if (options.batch < 0) throw UsageError("batch " + std::to_string(options.batch) + " of an ONNX model: at least 1, or 0 for any");
  const Graph graph = exported_part(closed, options.auxiliary);
  const WeightTable table(weights);
  OnnxBody body(options.batch);
  for (const auto& node : graph.nodes) convert(graph, node, table, body);
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const Node& node = graph.nodes[static_cast<std::size_t>(graph.outputs[i])];
    std::string name = i == 0 ? "output" : i == 1 && graph.outputs.size() == 2 ? "auxiliary" : "output_" + std::to_string(i);
    while (std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& other) { return other.name == name; })) name += "_value";
    body.add("Identity", {node.name}, name);
    body.output(name, node.shape);
  }
  return body.model(options.model_name, options.metadata);
}

}  // namespace netwright
