#pragma once
// The table of groups of nodes that run as one kernel.
//
// A pattern here takes a node and the nodes behind it where the fused kernel does all of them at once; on what the kernel does not do
// (float64, other devices, tracing, a pass that looks at a value inside) the group runs node by node, as without the pattern.
#include <string>
#include <vector>

#include "netwright/nn/program.hpp"

namespace netwright {

struct FusedPattern {
  std::string name;            // as LoweringOptions::without names it
  std::string group;           // the nodes, in order; [optional]
  std::string kernel;          // header in kernels/
  Pattern (*make)();
};

const std::vector<FusedPattern>& fused_patterns();

// A batch norm by its tensors: weight and bias where it is affine, running mean, running variance.
Norm norm_of(const Node& node, std::span<const at::Tensor> own, const RunMode& mode);

// A closed node by itself: by a fused kernel where one takes its inputs, else on torch.
Kernel lowered_kernel(const Node& node);

// The fused patterns that `without` does not name, in the order in which they are asked.
// Errors: UsageError with the nearest name where `without` names none of them, nor one of `others`.
std::vector<Pattern> fused_patterns(const std::vector<std::string>& without, const std::vector<std::string>& others = {});

}  // namespace netwright
