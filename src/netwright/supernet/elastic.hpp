#pragma once
// What elastic layers compute with: kernels cut out of larger ones, channels in the order of their importance, soft labels.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "netwright/graph/graph.hpp"
#include "netwright/nn/network.hpp"

namespace netwright {

// The last two dimensions cut to size x size around their centre.
at::Tensor centre_crop(const at::Tensor& weight, std::int64_t size);

// The kernel of `size` out of the largest one: sizes descend from the weight's own (7, 5, 3); step i crops to sizes[i + 1] and
// multiplies the flattened taps by matrices[i]:  w_{i+1} = M_i vec(crop(w_i)). One matrix a step for all channels.
// Source: Once-for-All (Cai et al. 2020, arXiv 1908.09791, section 3.3; released code). Errors: UsageError for a size that is not listed.
at::Tensor transformed_kernel(const at::Tensor& weight, const std::vector<std::int64_t>& sizes, const std::vector<at::Tensor>& matrices, std::int64_t size);

// Importance of each input channel of a convolution or linear weight: the L1 norm of what reads it.
at::Tensor channel_importance(const at::Tensor& weight);
// Channels from the most important to the least; equal ones in their order.
at::Tensor importance_order(const at::Tensor& importance);

// Reorders the channels of every open width of the graph by what reads them, in all tensors that carry these channels, so that the
// first channels are the most important ones. The function of the full network does not change. Returns how many widths were sorted.
// Gates (squeeze-excite) are ordered with the channels that they multiply; what reads means of channels does not count as importance.
// A width that is read by anything but convolutions, through nodes that hand channels on, is left as it is.
// Source: Once-for-All, section 3.3 ("channel sorting").
int sort_channels(const Graph& open, const std::vector<NamedTensor>& tensors);

// Mean over the batch of -sum_c softmax(teacher / T)_c log softmax(student / T)_c (knowledge distillation; T^2 is not multiplied in).
at::Tensor soft_cross_entropy(const at::Tensor& student, const at::Tensor& teacher, double temperature = 1);

}  // namespace netwright
