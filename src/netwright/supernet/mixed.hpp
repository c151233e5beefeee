#pragma once
// How the open places of a graph run: the patterns that a supernet puts in front of nn's.
#include <functional>
#include <vector>

#include "netwright/nn/program.hpp"

namespace netwright {

// sum_i weights[i] * values[i] over the defined values, in one pass forward and one backward: the gradient of value i is
// weights[i] * g, that of weight i is <g, values[i]>. All values have one shape; weights is one-dimensional.
// On the CPU in float32 and float64 it is one custom function; elsewhere (and with `fused` off) plain torch.
// Differentiable twice, through torch's operations.
at::Tensor weighted_sum(const at::Tensor& weights, const std::vector<at::Tensor>& values, bool fused);

// The sum over a decision's candidates under its entry, by the rule of MixtureEntry: `run(i)` gives candidate i's value, undefined where
// that is zero whatever it reads, and is called only where the rule asks for it. Undefined where nothing is added up; a single number
// (of no dimension) where gates are all that is.
at::Tensor mixed_sum(const MixtureEntry& entry, const std::function<Term(std::size_t)>& run, bool fused);

Pattern choice_pattern(bool fused_sum);
Pattern select_pattern(bool fused_sum);
// Convolutions and linear layers with an open kernel or width, and what carries their channel masks on.
// kernel_transform: smaller kernels go through learned matrices (elastic.hpp), whose tensors are of the operation kernel_step_op.
Pattern elastic_pattern(bool kernel_transform);
constexpr const char* kernel_step_op = "kernel_step";
Pattern masked_pattern();
// Layers of sequences with open features, heads or steps, and what carries their masks on.
Pattern elastic_steps_pattern();

}  // namespace netwright
