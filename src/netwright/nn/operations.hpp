#pragma once
// The kernels: how torch runs each entry of the operation table.
#include <ATen/core/Tensor.h>

#include <functional>
#include <span>
#include <string_view>

#include "netwright/graph/graph.hpp"

namespace netwright {

// What a forward pass is asked to do besides computing.
struct RunMode {
  bool training = true;             // batch statistics; dropout and drop-path draw
  bool noise = true;                // false: dropout and drop-path do not draw, in training either
  double drop_path = -1;            // rate of every drop_path node; negative: the node's own
  bool bypass_batch_norm = false;   // batch norm as identity (synflow)
  bool keep_statistics = false;     // batch norms do not move their running statistics
  double norm_momentum = 0;         // of every batch norm's running statistics; 0: the node's own
  double skip_dropout = 0;          // supernets, while training: dropout behind candidates that hand their input on (P-DARTS)
};

// By which share a batch norm of that momentum moves its running statistics.
inline double norm_momentum(const RunMode& mode, double own) {
  if (mode.keep_statistics) return 0;
  return mode.norm_momentum > 0 ? mode.norm_momentum : own;
}

// Runs one node: `inputs` as the node reads them, `tensors` its parameters and buffers in the operation table's order.
using Kernel = std::function<at::Tensor(std::span<const at::Tensor> inputs, std::span<const at::Tensor> tensors, const RunMode& mode)>;

// Reads the node's attributes once. Errors: Error when the table has an operation without a kernel.
Kernel make_kernel(const Node& node);

// at::conv2d, without two of its traps on the CPU (torch 2.15): images of one pixel, as a squeeze-excite has them, are a linear layer there (a product
// for each image takes ten times as long), and oneDNN's weight gradient of a strided 1x1 convolution on fewer than 8 channels never ends on AVX2
// machines: every stride-th pixel is taken first. A traced network keeps its convolutions but for the second.
at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::IntArrayRef stride, at::IntArrayRef padding,
                       at::IntArrayRef dilation, std::int64_t groups);

// A drop_path node: what each sample's value is multiplied by in this pass, [sample][1]...; undefined where nothing is dropped.
struct DropPath {
  double rate, depth;
  explicit DropPath(const Node& node);
  at::Tensor factors(const at::Tensor& value, const RunMode& mode) const;
};

// Same input and attributes, same value: such nodes are computed once where several read one value (ReLU, pooling).
bool is_pure(std::string_view op);

}  // namespace netwright
