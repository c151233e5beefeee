#pragma once
// What a graph costs, by arithmetic. Nothing is built or run.
#include <cstdint>

#include "netwright/graph/graph.hpp"

namespace netwright {

// params: trainable scalars (batch norm's running statistics excluded). macs: one a use of a weight in convolutions and linear
// layers, and one a product within attention, one sample; biases, norms, pooling and activations are not counted. activation_bytes: float32 bytes of all
// values of one sample that training keeps. peak_bytes: the largest sum of values alive at once when run in node order.
// An open graph counts every candidate, with open attributes at their largest: the cost of a supernet.
struct Cost {
  std::int64_t params = 0;
  std::int64_t params_auxiliary = 0;   // part of params that only the auxiliary output needs
  std::int64_t macs = 0;               // without what only the auxiliary output needs
  std::int64_t activation_bytes = 0;
  std::int64_t peak_bytes = 0;
  std::int64_t layers = 0;             // convolution, linear and attention nodes
};

Cost cost(const Graph& graph);

// Bytes that training a network takes, by estimate: batch * activation_bytes (values kept for backward) + 16 * params (weights,
// gradients, two words of optimiser state). The DARTS search network at batch 16 is estimated at 2.2 GB; on torch's operations it
// took 2.4 GB, on fused units 0.8 GB. The cost of an open graph gives the supernet that runs every candidate.
double training_bytes(const Cost& cost, std::int64_t batch);

}  // namespace netwright
