#pragma once
// Memory by estimate, before anything is built.
#include <cstdint>

#include "netwright/graph/graph.hpp"

namespace netwright {

// Bytes that training a network takes: 2 * batch * activation_bytes (values and their gradients) + 16 * params (weights, gradients,
// two words of optimiser state). Within a factor of two of what was measured; an open graph counts as a supernet that runs everything.
double training_bytes(const Graph& graph, std::int64_t batch);

// The memory of the machine, or of the cgroup where that is less.
double usable_memory_bytes();

}  // namespace netwright
