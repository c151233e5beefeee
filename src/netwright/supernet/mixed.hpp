#pragma once
// How the open places of a graph run: the patterns that a supernet puts in front of nn's.
#include <vector>

#include "netwright/nn/program.hpp"

namespace netwright {

// sum_i weights[i] * values[i] over the defined values, in one pass forward and one backward: the gradient of value i is
// weights[i] * g, that of weight i is <g, values[i]>. All values have one shape; weights is one-dimensional.
// On the CPU in float32 and float64 it is one custom function; elsewhere (and with `fused` off) plain torch.
// Not differentiable twice when fused.
at::Tensor weighted_sum(const at::Tensor& weights, const std::vector<at::Tensor>& values, bool fused);

Pattern choice_pattern(bool fused_sum);
Pattern select_pattern(bool fused_sum);
// Convolutions and linear layers with an open kernel or width, and what carries their channel masks on.
Pattern elastic_pattern();
Pattern masked_pattern();

}  // namespace netwright
