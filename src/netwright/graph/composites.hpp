#pragma once
// The field's composite blocks, each a few nodes. All keep the spatial size at stride 1 and ceil(size / stride) otherwise.
// Channels and kernels are numbers or open ones (an elastic width or kernel); channels 0 = as the input.
#include "netwright/graph/builder.hpp"

namespace netwright {

struct ConvOptions {
  Attribute kernel = std::int64_t{3};
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
  bool affine = true;            // of the batch norm
  std::string activation = "relu";  // after the batch norm where the block has one; "" = none
};

// ReLU - convolution - batch norm (the pre-activation order of cell spaces).
Value relu_conv_bn(Builder& b, Value x, const Attribute& channels, const ConvOptions& options);
// Convolution - batch norm - activation.
Value conv_bn(Builder& b, Value x, const Attribute& channels, const ConvOptions& options);
// Twice: ReLU - depthwise k x k - pointwise - batch norm; the stride is in the first.
Value sep_conv(Builder& b, Value x, const Attribute& channels, const ConvOptions& options);
// Once: ReLU - depthwise with dilation - pointwise - batch norm.
Value dil_conv(Builder& b, Value x, const Attribute& channels, const ConvOptions& options);
// ReLU, two 1x1 stride-2 convolutions of channels / 2 (the second on the input shifted by one pixel), concat, batch norm.
// Errors: UsageError for an odd number of channels.
Value factorized_reduce(Builder& b, Value x, std::int64_t channels, bool affine);

// What the nodes of an inverted residual are called, where somebody else's weights are to fit.
struct MbconvNames {
  std::string expand = "expand", expand_norm = "bn";
  std::string depthwise = "depthwise", depthwise_norm = "bn";
  std::string reduce = "se.reduce", restore = "se.expand";
  std::string project = "project", project_norm = "bn";
};

// Whether an inverted residual has its expansion layer. never: `expanded` is the width of the input, said where that is open.
enum class Expansion { where_wider, always, never };

struct MbconvOptions {
  Attribute kernel = std::int64_t{3};
  std::int64_t stride = 1;
  // Width of the expanded part: a number or an open one; equal to the input's channels = no expansion layer.
  Attribute expanded = std::int64_t{0};
  Attribute squeeze = std::int64_t{0};  // channels of the squeeze-excite bottleneck; 0 = none
  bool affine = true;
  std::string activation = "relu6";
  std::string squeeze_activation = "relu";
  std::string gate = "sigmoid";
  double drop_path = 0.0;
  bool residual = true;            // false: never adds the input
  Expansion expansion = Expansion::where_wider;
  bool bias = false;               // convolutions have one, though a batch norm follows
  std::int64_t groups = 1;         // of the pointwise convolutions, with a channel shuffle between them, or before the only one
  double epsilon = 1e-5, momentum = 0.1;  // of the batch norms
  bool kernel_transform = false;   // the depthwise convolution's attribute (an elastic kernel's matrices, Once-for-All)
  MbconvNames names = {};
};
// Inverted residual: 1x1 expand, depthwise, optional squeeze-excite, 1x1 project; residual when stride 1 and equal channels.
Value mbconv(Builder& b, Value x, const Attribute& channels, const MbconvOptions& options);

// `channels` are those of x: needed where they are open, else 0. `reduce` and `restore` name the two 1x1 convolutions.
Value squeeze_excite(Builder& b, Value x, const Attribute& bottleneck, const std::string& activation, const std::string& gate,
                     const Attribute& channels = std::int64_t{0}, const std::string& reduce = "se.reduce", const std::string& restore = "se.expand");

// Global average pooling - flatten - linear.
Value classifier(Builder& b, Value x, std::int64_t classes, double dropout = 0.0);

// n rounded to a multiple of 8, never below 90 % of n.
std::int64_t make_divisible(double n, std::int64_t divisor = 8);

}  // namespace netwright
