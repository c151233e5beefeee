#pragma once
// Networks that an oracle file names in words.
#include "netwright/graph/graph.hpp"

namespace netwright {

// "Z1", the net of the file's conventions: 3x8x8 to 5 classes, three convolutions, one of them residual.
Graph z1_graph();

}  // namespace netwright
