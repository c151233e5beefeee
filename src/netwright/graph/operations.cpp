// The operation table. One entry an operation; rules that several share stand above it.
#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

[[noreturn]] void fail(const OperationCase& c, const std::string& why) {
  throw UsageError("node '" + c.node.name + "' (" + c.node.op + "): " + why);
}

void need_rank(const OperationCase& c, std::size_t rank, const char* form) {
  if (c.inputs[0].size() != rank) fail(c, "reads shape " + to_string(c.inputs[0]) + "; it needs " + form);
}

Shape same(const OperationCase& c) { return c.inputs[0]; }

Shape all_equal(const OperationCase& c) {
  for (std::size_t i = 1; i < c.inputs.size(); ++i)
    if (c.inputs[i] != c.inputs[0]) fail(c, "input 0 has shape " + to_string(c.inputs[0]) + " but input " + std::to_string(i) + " has " + to_string(c.inputs[i]));
  return c.inputs[0];
}

// A window's geometry along height (h) and width (w): the `_w` attributes default to their height's value.
struct Window {
  Int kernel, stride, dilation, padding;
  Int out(Int size) const { return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1; }
};

Int width_or(const OperationCase& c, const char* name, Int height) {
  const Int w = integer(c.node, name);
  return w > 0 ? w : height;
}

Window window_h(const OperationCase& c) {
  const Int kernel = integer(c.node, "kernel"), dilation = integer(c.node, "dilation"), padding = integer(c.node, "padding");
  return {kernel, integer(c.node, "stride"), dilation, padding >= 0 ? padding : dilation * (kernel - 1) / 2};
}

Window window_w(const OperationCase& c) {
  const Window h = window_h(c);
  const Int kernel = width_or(c, "kernel_w", h.kernel), padding = integer(c.node, "padding");
  return {kernel, width_or(c, "stride_w", h.stride), h.dilation, padding >= 0 ? padding : h.dilation * (kernel - 1) / 2};
}

Shape slide(const OperationCase& c, Int channels) {
  need_rank(c, 3, "channels x height x width");
  const Window h = window_h(c), w = window_w(c);
  if (h.kernel < 1 || h.stride < 1 || h.dilation < 1 || w.kernel < 1 || w.stride < 1) fail(c, "kernel, stride and dilation are at least 1");
  if (c.inputs[0][1] + 2 * h.padding < h.dilation * (h.kernel - 1) + 1 || c.inputs[0][2] + 2 * w.padding < w.dilation * (w.kernel - 1) + 1)
    fail(c, "a window of " + std::to_string(h.kernel) + "x" + std::to_string(w.kernel) + " does not fit into " + to_string(c.inputs[0]));
  return {channels, h.out(c.inputs[0][1]), w.out(c.inputs[0][2])};
}

// groups = 0 means depthwise: one group a channel.
Int groups_of(const OperationCase& c) {
  const Int groups = integer(c.node, "groups");
  return groups == 0 ? c.inputs[0][0] : groups;
}

Int conv_channels(const OperationCase& c) {
  const Int channels = integer(c.node, "channels");
  return channels == 0 ? c.inputs[0][0] : channels;
}

Shape conv_shape(const OperationCase& c) {
  need_rank(c, 3, "channels x height x width");
  const Int channels = conv_channels(c), groups = groups_of(c);
  if (groups < 1 || channels % groups != 0 || c.inputs[0][0] % groups != 0)
    fail(c, std::to_string(groups) + " groups divide neither " + std::to_string(c.inputs[0][0]) + " input nor " + std::to_string(channels) + " output channels evenly");
  return slide(c, channels);
}

// Of an elastic kernel, one matrix a step from a size to the next smaller one, for all channels: "7to5_matrix" {25, 25}. A kernel that
// is closed has none.
void add_kernel_transforms(const OperationCase& c, std::vector<Parameter>& list) {
  const auto kernel = c.node.attributes.find("kernel");
  const auto* open = kernel == c.node.attributes.end() ? nullptr : std::get_if<Open>(&kernel->second);
  if (open == nullptr) return;
  std::vector<Int> sizes = open->values;
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    const Int taps = sizes[i] * sizes[i];
    list.push_back({std::to_string(sizes[i - 1]) + "to" + std::to_string(sizes[i]) + "_matrix", {taps, taps}});
  }
}

std::vector<Parameter> conv_parameters(const OperationCase& c) {
  const Int per_group = c.inputs[0][0] / groups_of(c);
  std::vector<Parameter> list{{"weight", {c.output[0], per_group, window_h(c).kernel, window_w(c).kernel}}};
  if (integer(c.node, "bias") != 0) list.push_back({"bias", {c.output[0]}});
  if (integer(c.node, "kernel_transform") != 0) add_kernel_transforms(c, list);
  return list;
}

Int conv_macs(const OperationCase& c) { return elements(conv_parameters(c)[0].shape) * c.output[1] * c.output[2]; }

Shape linear_shape(const OperationCase& c) {
  Shape shape = c.inputs[0];
  if (shape.size() > 2) fail(c, "reads shape " + to_string(shape) + "; it needs features, or steps x features (add a flatten)");
  const Int features = integer(c.node, "features");
  constexpr Int whole = 100;
  shape.back() = features == 0 ? shape.back() * integer(c.node, "percent") / whole : features;
  return shape;
}

std::vector<Parameter> linear_parameters(const OperationCase& c) {
  std::vector<Parameter> list{{.name = "weight", .shape = {c.output.back(), c.inputs[0].back()}, .owner = text(c.node, "tied")}};
  if (integer(c.node, "bias") != 0) list.push_back({"bias", {c.output.back()}});
  return list;
}

Int linear_macs(const OperationCase& c) { return elements(c.output) * c.inputs[0].back(); }

std::vector<Parameter> norm_parameters(const OperationCase& c) {
  const Shape size{c.inputs[0][0]};
  std::vector<Parameter> list;
  if (integer(c.node, "affine") != 0) list = {{"weight", size, true, Init::ones}, {"bias", size, true, Init::zeros}};
  list.push_back({"running_mean", size, false, Init::zeros});
  list.push_back({"running_var", size, false, Init::ones});
  return list;
}

Shape pad_shape(const OperationCase& c) {
  need_rank(c, 3, "channels x height x width");
  Shape shape = c.inputs[0];
  for (const std::size_t side : {1, 2})
    if ((shape[side] += integer(c.node, "pixels")) < 1) fail(c, "cuts all of " + to_string(c.inputs[0]) + " off");
  return shape;
}

// Equal shapes, or one factor with a single value a channel (squeeze-excite).
Shape multiply_shape(const OperationCase& c) {
  const Shape &a = c.inputs[0], &b = c.inputs[1];
  if (a == b) return a;
  const Shape& large = elements(a) >= elements(b) ? a : b;
  const Shape& small = elements(a) >= elements(b) ? b : a;
  const bool gate = large.size() == small.size() && small[0] == large[0] && std::all_of(small.begin() + 1, small.end(), [](Int n) { return n == 1; });
  if (!gate) fail(c, "shapes " + to_string(a) + " and " + to_string(b) + " cannot be multiplied");
  return large;
}

Shape concat_shape(const OperationCase& c) {
  Shape shape = c.inputs[0];
  for (std::size_t i = 1; i < c.inputs.size(); ++i) {
    const Shape& other = c.inputs[i];
    if (other.size() != shape.size() || !std::equal(other.begin() + 1, other.end(), shape.begin() + 1))
      fail(c, "input 0 has shape " + to_string(c.inputs[0]) + " but input " + std::to_string(i) + " has " + to_string(other));
    shape[0] += other[0];
  }
  return shape;
}

Shape global_shape(const OperationCase& c) {
  if (c.inputs[0].size() == 2) return {c.inputs[0][1]};
  need_rank(c, 3, "channels x height x width, or steps x features");
  return {c.inputs[0][0], 1, 1};
}

Shape zero_shape(const OperationCase& c) {
  const Int stride = integer(c.node, "stride"), channels = integer(c.node, "channels");
  Shape shape = c.inputs[0];
  if (channels > 0) shape[0] = channels;
  for (std::size_t i = 1; i < shape.size(); ++i) shape[i] = (shape[i] + stride - 1) / stride;
  return shape;
}

Shape shuffle_shape(const OperationCase& c) {
  const Int groups = integer(c.node, "groups");
  if (groups < 1 || c.inputs[0][0] % groups != 0) fail(c, std::to_string(groups) + " groups do not divide " + std::to_string(c.inputs[0][0]) + " channels");
  return c.inputs[0];
}

Shape slice_shape(const OperationCase& c) {
  const Int offset = integer(c.node, "offset"), given = integer(c.node, "channels"), all = c.inputs[0][0];
  const Int taken = given == 0 ? all - offset : given;
  if (offset < 0 || taken < 1 || offset + taken > all)
    fail(c, "channels " + std::to_string(offset) + " to " + std::to_string(offset + taken) + " are not all among its input's " + std::to_string(all));
  Shape shape = c.inputs[0];
  shape[0] = taken;
  return shape;
}

// ---- sequences: steps x features ----

void need_steps(const OperationCase& c) { need_rank(c, 2, "steps x features"); }

// An image's pixels become steps; one row of features becomes one step.
Shape token_shape(const OperationCase& c) {
  const Shape& in = c.inputs[0];
  if (in.size() == 1) return {1, in[0]};
  need_rank(c, 3, "channels x height x width, or features");
  return {in[1] * in[2], in[0]};
}

Shape layer_norm_shape(const OperationCase& c) {
  if (c.inputs[0].size() > 2) fail(c, "reads shape " + to_string(c.inputs[0]) + "; it needs features, or steps x features");
  return c.inputs[0];
}

std::vector<Parameter> layer_norm_parameters(const OperationCase& c) {
  const Shape size{c.inputs[0].back()};
  return {{.name = "weight", .shape = size, .init = Init::ones}, {.name = "bias", .shape = size, .init = Init::zeros}};
}

Shape embedding_shape(const OperationCase& c) {
  need_rank(c, 1, "one number a step");
  return {c.inputs[0][0], integer(c.node, "features")};
}

std::vector<Parameter> embedding_parameters(const OperationCase& c) {
  return {{.name = "weight", .shape = {integer(c.node, "entries"), c.output[1]}, .init = Init::table}};
}

Shape position_shape(const OperationCase& c) {
  need_steps(c);
  return c.inputs[0];
}

std::vector<Parameter> position_parameters(const OperationCase& c) {
  if (integer(c.node, "learned") == 0) return {};
  return {{.name = "weight", .shape = c.inputs[0], .init = Init::table}};
}

Shape class_token_shape(const OperationCase& c) {
  need_steps(c);
  return {c.inputs[0][0] + 1, c.inputs[0][1]};
}

std::vector<Parameter> class_token_parameters(const OperationCase& c) { return {{.name = "weight", .shape = {c.inputs[0][1]}, .init = Init::table}}; }

Int heads_of(const OperationCase& c) {
  const Int width = integer(c.node, "head_width");
  return width > 0 ? c.inputs[0].back() / width : integer(c.node, "heads");
}

// Relative positions are those of a square image behind one class token.
void check_relative(const OperationCase& c) {
  const Int steps = c.inputs[0][0] - 1;
  Int side = 0;
  while (side * side < steps) ++side;
  if (c.inputs[0] != c.inputs[2] || c.inputs[0] != c.inputs[1] || side * side != steps)
    fail(c, "relative positions need query, key and value of one class token and a square image, not " + to_string(c.inputs[0]) + " and " + to_string(c.inputs[1]));
}

Shape attention_shape(const OperationCase& c) {
  for (const Shape& in : c.inputs)
    if (in.size() != 2) fail(c, "reads shape " + to_string(in) + "; query, key and value are steps x features");
  const Shape &query = c.inputs[0], &key = c.inputs[1], &value = c.inputs[2];
  if (query[1] != key[1]) fail(c, "query " + to_string(query) + " and key " + to_string(key) + " need equal features");
  if (key[0] != value[0]) fail(c, "key " + to_string(key) + " and value " + to_string(value) + " need equal steps");
  const Int heads = heads_of(c);
  if (heads < 1 || query[1] % heads != 0 || value[1] % heads != 0)
    fail(c, std::to_string(heads) + " heads do not divide " + std::to_string(query[1]) + " and " + std::to_string(value[1]) + " features evenly");
  if (integer(c.node, "relative") > 0) check_relative(c);
  return {query[0], value[1]};
}

std::vector<Parameter> attention_parameters(const OperationCase& c) {
  std::vector<Parameter> list;
  const Int farthest = integer(c.node, "relative"), width = c.inputs[0][1] / heads_of(c);
  if (farthest == 0) return list;
  for (const char* name : {"key_rows", "key_columns", "value_rows", "value_columns"})
    list.push_back({.name = name, .shape = {2 * farthest + 2, width}, .init = Init::table});
  return list;
}

// Query times key, and weights times value; with relative positions each once more.
Int attention_macs(const OperationCase& c) {
  const Int pairs = c.inputs[0][0] * c.inputs[1][0], once = pairs * (c.inputs[0][1] + c.inputs[2][1]);
  return integer(c.node, "relative") > 0 ? 2 * once : once;
}

Shape resize_shape(const OperationCase& c) {
  need_rank(c, 3, "channels x height x width");
  return {c.inputs[0][0], integer(c.node, "height"), integer(c.node, "width")};
}

std::vector<AttributeSpec> window(Int kernel, Int padding) {
  return {{"kernel", kernel, "height of the window (and width)"},
          {"kernel_w", Int{0}, "width of the window; 0 = as the height"},
          {"stride", Int{1}, "step of the window"},
          {"stride_w", Int{0}, "step along the width; 0 = as the height"},
          {"dilation", Int{1}, "distance of the window's taps"},
          {"padding", padding, "zeros on each side; -1 = dilation * (kernel - 1) / 2"}};
}

std::vector<AttributeSpec> conv_attributes() {
  auto list = window(3, -1);
  list.push_back({"channels", Int{0}, "output channels; 0 = as the input"});
  list.push_back({"groups", Int{1}, "groups of channels; 0 = depthwise"});
  list.push_back({"bias", Int{0}, "1 = adds a bias a channel"});
  list.push_back({"kernel_transform", Int{0}, "1 = an elastic kernel's smaller sizes are learned transforms of the centre of the next larger (Once-for-All)"});
  return list;
}

Operation elementwise(const char* name, const char* meaning, bool keeps_zero) {
  return {.name = name, .meaning = meaning, .shape = same, .keeps_zero = keeps_zero};
}

std::vector<Operation> table() {
  const AttributeSpec rate{"rate", 0.0, "probability of dropping, in [0, 1)"};
  return {
      {.name = "conv", .meaning = "two-dimensional convolution", .attributes = conv_attributes(), .shape = conv_shape, .parameters = conv_parameters, .macs = conv_macs},
      {.name = "linear", .meaning = "matrix product and bias",
       .attributes = {{"features", Int{0}, "output features; 0 = `percent` of the input's", true}, {"percent", Int{100}, "output features in percent of the input's, rounded down"},
                      {"bias", Int{1}, "1 = adds a bias"}, {"tied", std::string(), "the earlier node whose weight is used; empty = its own"}},
       .shape = linear_shape, .parameters = linear_parameters, .macs = linear_macs},
      {.name = "batch_norm", .meaning = "normalises each channel over batch and space",
       .attributes = {{"affine", Int{1}, "1 = learns a scale and a shift"}, {"epsilon", 1e-5, "added to the variance"}, {"momentum", 0.1, "of the running statistics"}},
       .shape = same, .parameters = norm_parameters},
      elementwise("relu", "max(x, 0)", true),
      elementwise("relu6", "min(max(x, 0), 6)", true),
      elementwise("silu", "x * sigmoid(x)", true),
      elementwise("hard_swish", "x * relu6(x + 3) / 6", true),
      elementwise("hard_sigmoid", "relu6(x + 3) / 6", false),
      elementwise("gelu", "x * Phi(x), exact", true),
      elementwise("sigmoid", "1 / (1 + exp(-x))", false),
      elementwise("tanh", "hyperbolic tangent", true),
      {.name = "max_pool", .meaning = "largest value of a window", .attributes = window(3, -1), .shape = [](const OperationCase& c) { return slide(c, c.inputs[0][0]); }, .keeps_zero = true},
      {.name = "avg_pool", .meaning = "mean of a window, padding excluded", .attributes = window(3, -1), .shape = [](const OperationCase& c) { return slide(c, c.inputs[0][0]); }, .keeps_zero = true},
      {.name = "global_pool", .meaning = "mean over space, kept as 1x1; of a sequence, over its steps", .shape = global_shape, .keeps_zero = true},
      {.name = "add", .meaning = "sum of equal shapes", .maximum_inputs = -1, .shape = all_equal, .commutative = true, .keeps_zero = true},
      {.name = "multiply", .meaning = "product of equal shapes, or by one value a channel", .minimum_inputs = 2, .maximum_inputs = 2, .shape = multiply_shape, .commutative = true, .keeps_zero = true},
      {.name = "concat", .meaning = "joined along the channels", .maximum_inputs = -1, .shape = concat_shape, .keeps_zero = true},
      {.name = "zero", .meaning = "zeros, subsampled by the stride", .attributes = {{"stride", Int{1}, "subsampling"}, {"channels", Int{0}, "output channels; 0 = as the input"},
                      {"carried", std::string(), "the node whose value at the end of a window takes the place of the zeros in the next one, where states are carried; empty = none"}},
       .shape = zero_shape, .keeps_zero = true},
      {.name = "identity", .meaning = "the value itself", .shape = same, .keeps_zero = true},
      {.name = "shift", .meaning = "moved by `offset` pixels to the upper left, zeros moving in (for factorized reduce)", .attributes = {{"offset", Int{1}, "pixels"}}, .shape = same, .keeps_zero = true},
      {.name = "pad", .meaning = "rows above and columns to the left of an image: zeros added, or, of a negative number, as many cut off",
       .attributes = {{"pixels", Int{1}, "how many"}}, .shape = pad_shape, .keeps_zero = true},
      {.name = "channel_shuffle", .meaning = "channels viewed as (groups, rest), transposed", .attributes = {{"groups", Int{2}, "groups of channels"}}, .shape = shuffle_shape},
      {.name = "slice", .meaning = "some neighbouring channels", .attributes = {{"offset", Int{0}, "the first of them"}, {"channels", Int{0}, "how many; 0 = all from there on"}}, .shape = slice_shape, .keeps_zero = true},
      {.name = "dropout", .meaning = "zeroes values while training", .attributes = {rate}, .shape = same, .keeps_zero = true},
      {.name = "drop_path", .meaning = "zeroes a sample's whole value while training, survivors divided by 1 - rate", .attributes = {rate, {"depth", 1.0, "part of a rate set from outside that this node takes: ScheduledDropPath's place in the network"}}, .shape = same, .keeps_zero = true},
      {.name = "scale", .meaning = "times a constant", .attributes = {{"factor", 1.0, "the constant"}}, .shape = same, .keeps_zero = true},
      {.name = "resize", .meaning = "an image of another height and width", .attributes = {{"height", Int{0}, "of the result", true}, {"width", Int{0}, "of the result", true}, {"smooth", Int{0}, "1 = bilinear between pixel centres, 0 = nearest"}},
       .shape = resize_shape, .keeps_zero = true},
      {.name = "tokens", .meaning = "an image as a sequence of its pixels, or one row of features as a sequence of one step", .shape = token_shape, .keeps_zero = true},
      {.name = "layer_norm", .meaning = "normalises the features of each step", .attributes = {{"epsilon", 1e-5, "added to the variance"}}, .shape = layer_norm_shape, .parameters = layer_norm_parameters},
      {.name = "embedding", .meaning = "a row of a table for each number of a sequence",
       .attributes = {{"entries", Int{0}, "rows of the table; the numbers are 0 to entries - 1, others count as the nearest of these", true}, {"features", Int{0}, "columns of the table", true}, {"scaled", Int{0}, "1 = times the square root of `features`"}},
       .shape = embedding_shape, .parameters = embedding_parameters},
      {.name = "positions", .meaning = "adds what tells a step's place", .attributes = {{"learned", Int{0}, "1 = a learned table; 0 = sines, then cosines, of wavelengths 2 pi to 10000 * 2 pi"}},
       .shape = position_shape, .parameters = position_parameters},
      {.name = "class_token", .meaning = "puts one learned step in front", .shape = class_token_shape, .parameters = class_token_parameters},
      {.name = "attention", .meaning = "softmax(query * key / sqrt(head width)) * value, head by head; reads query, key and value", .minimum_inputs = 3, .maximum_inputs = 3,
       .attributes = {{"heads", Int{1}, "how many"}, {"head_width", Int{0}, "features a head, which then gives the number of heads; 0 = by `heads`"},
                      {"causal", Int{0}, "1 = a step sees no later one"},
                      {"relative", Int{0}, "adds learned offsets by row and column, up to this distance, to keys and values; 0 = none"}},
       .shape = attention_shape, .parameters = attention_parameters, .macs = attention_macs},
      {.name = "flatten", .meaning = "to one row of features", .shape = [](const OperationCase& c) { return Shape{elements(c.inputs[0])}; }, .keeps_zero = true},
  };
}

}  // namespace

const std::vector<Operation>& operations() {
  static const std::vector<Operation> list = table();
  return list;
}

}  // namespace netwright
