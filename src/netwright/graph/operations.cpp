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

std::vector<Parameter> conv_parameters(const OperationCase& c) {
  const Int per_group = c.inputs[0][0] / groups_of(c);
  std::vector<Parameter> list{{"weight", {c.output[0], per_group, window_h(c).kernel, window_w(c).kernel}}};
  if (integer(c.node, "bias") != 0) list.push_back({"bias", {c.output[0]}});
  return list;
}

Int conv_macs(const OperationCase& c) { return elements(conv_parameters(c)[0].shape) * c.output[1] * c.output[2]; }

Shape linear_shape(const OperationCase& c) {
  Shape shape = c.inputs[0];
  if (shape.size() > 2) fail(c, "reads shape " + to_string(shape) + "; it needs features, or steps x features (add a flatten)");
  shape.back() = integer(c.node, "features");
  return shape;
}

std::vector<Parameter> linear_parameters(const OperationCase& c) {
  std::vector<Parameter> list{{"weight", {c.output.back(), c.inputs[0].back()}}};
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
  need_rank(c, 3, "channels x height x width");
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
  return list;
}

Operation elementwise(const char* name, const char* meaning, bool keeps_zero) {
  return {.name = name, .meaning = meaning, .shape = same, .keeps_zero = keeps_zero};
}

std::vector<Operation> table() {
  const AttributeSpec rate{"rate", 0.0, "probability of dropping, in [0, 1)"};
  return {
      {.name = "conv", .meaning = "two-dimensional convolution", .attributes = conv_attributes(), .shape = conv_shape, .parameters = conv_parameters, .macs = conv_macs},
      {.name = "linear", .meaning = "matrix product and bias", .attributes = {{"features", Int{0}, "output features", true}, {"bias", Int{1}, "1 = adds a bias"}},
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
      {.name = "global_pool", .meaning = "mean over space, kept as 1x1", .shape = global_shape, .keeps_zero = true},
      {.name = "add", .meaning = "sum of equal shapes", .maximum_inputs = -1, .shape = all_equal, .commutative = true, .keeps_zero = true},
      {.name = "multiply", .meaning = "product of equal shapes, or by one value a channel", .minimum_inputs = 2, .maximum_inputs = 2, .shape = multiply_shape, .commutative = true, .keeps_zero = true},
      {.name = "concat", .meaning = "joined along the channels", .maximum_inputs = -1, .shape = concat_shape, .keeps_zero = true},
      {.name = "zero", .meaning = "zeros, subsampled by the stride", .attributes = {{"stride", Int{1}, "subsampling"}, {"channels", Int{0}, "output channels; 0 = as the input"}}, .shape = zero_shape, .keeps_zero = true},
      {.name = "identity", .meaning = "the value itself", .shape = same, .keeps_zero = true},
      {.name = "shift", .meaning = "moved by `offset` pixels to the upper left, zeros moving in (for factorized reduce)", .attributes = {{"offset", Int{1}, "pixels"}}, .shape = same, .keeps_zero = true},
      {.name = "channel_shuffle", .meaning = "channels viewed as (groups, rest), transposed", .attributes = {{"groups", Int{2}, "groups of channels"}}, .shape = shuffle_shape},
      {.name = "dropout", .meaning = "zeroes values while training", .attributes = {rate}, .shape = same, .keeps_zero = true},
      {.name = "drop_path", .meaning = "zeroes a sample's whole value while training, survivors divided by 1 - rate", .attributes = {rate}, .shape = same, .keeps_zero = true},
      {.name = "flatten", .meaning = "to one row of features", .shape = [](const OperationCase& c) { return Shape{elements(c.inputs[0])}; }, .keeps_zero = true},
  };
}

}  // namespace

const std::vector<Operation>& operations() {
  static const std::vector<Operation> list = table();
  return list;
}

}  // namespace netwright
