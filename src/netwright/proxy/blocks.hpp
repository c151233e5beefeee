#pragma once
// Where a network's blocks end: the values between which scores of AZ-NAS compare.
//
// A block is a scope of the first level ("cell3", "layer5"), or, where that only lists others by number ("stage0.cell0", "layer1.0", "features.3"),
// of the second. Its result is its last feature map that the classifier depends on. The block with the classifier's global pooling is none.
// Inside the room.
#include <cstddef>
#include <vector>

#include "netwright/graph/graph.hpp"

namespace netwright {

// Which nodes the first result depends on.
std::vector<bool> needed_nodes(const Graph& graph);

// The blocks' results, in graph order.
std::vector<std::size_t> block_results(const Graph& graph);

}  // namespace netwright
