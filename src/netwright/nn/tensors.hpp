#pragma once
// Between torch tensors and plain weights.
#include <vector>

#include "netwright/graph/weights.hpp"
#include "netwright/nn/network.hpp"

namespace netwright {

// All parameters and buffers as float32 in row-major order.
Weights to_weights(const std::vector<NamedTensor>& tensors);

// Copies values by name into the tensors. Errors: UsageError naming a missing tensor or both shapes; extra weights are ignored.
void load_weights(const std::vector<NamedTensor>& tensors, const Weights& weights);

}  // namespace netwright
