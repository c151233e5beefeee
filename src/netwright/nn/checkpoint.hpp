#pragma once
// Part of a network whose inner values are not kept for backward but computed again there.
//
// Memory: what the part reads and gives, and while its backward pass runs its inner values; time: its forward pass once more. The second pass
// draws the same noise (dropout, drop-path) and does not move running statistics again. Differentiable twice.
// Source: Chen et al. 2016, "Training deep nets with sublinear memory cost", arXiv 1604.06174.
#include <functional>
#include <memory>
#include <vector>

#include "netwright/nn/program.hpp"

namespace netwright {

struct Part {
  std::function<std::vector<at::Tensor>(const RunMode&, const Mixture*, const std::vector<at::Tensor>& inputs)> run;
  std::vector<at::Tensor> inputs;
  std::vector<at::Tensor> parameters;   // all that get a gradient inside, besides the mixture's weights
};

// The part's outputs. `part.run` must stay callable until the last backward pass.
std::vector<at::Tensor> checkpointed(const Part& part, const RunMode& mode, const Mixture* mixture);

}  // namespace netwright
