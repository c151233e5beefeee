#pragma once
// A closed network's weights, read out of a supernet's.
#include "netwright/graph/close.hpp"
#include "netwright/graph/weights.hpp"

namespace netwright {

// Those of the `wanted` weights (names and shapes; their values are not read) that the supernet has, cut to their shape: the first
// channels of a wider weight, the centre of a larger kernel, as the supernet itself uses an open width and an open kernel; the kernel goes
// through the supernet's learned matrices ("conv.7to5", "conv.5to3") where it has them. Left out
// are weights that the supernet lacks (batch norm's scale where the search form has none) or has too small (more channels wanted).
// Cost: linear in the values.
Weights inherited(const Weights& supernet, const Origins& origins, const Weights& wanted);

}  // namespace netwright
