#pragma once
// The spaces of ENAS. Pham et al. 2018, arXiv 1802.03268.
#include <memory>

#include "netwright/space/library/pair_cells.hpp"

namespace netwright {

// `enas_micro`: pairwise cells (pair_cells.hpp) of five blocks and five operations, always added; state 0 is the output of the cell
// before the last. Also reads the 40 numbers of the official code (input, operation, input, operation for each block; the normal cell,
// then the reduction cell; operations sep_conv_3x3, sep_conv_5x5, avg_pool_3x3, max_pool_3x3, identity).
// Its open graph keeps weights for each operation on each input; departure: while searching, the official reduction cell reduces its
// input once and has no strides within. Its closed networks bring the last cell's output to the cell's channels by one 1x1, where the released
// code has a second one behind it.
PairFamily enas_micro_family();
std::unique_ptr<Space> make_enas_micro();

// `enas_macro`: 12 layers, each one of six operations on the layer before, and skips from any earlier value (the stem is value 0, layer i
// value i + 1) but that one, each there or not: decisions layerI.op and layerI.skipJ; 6^12 * 2^66 architectures. Layers 3 and 7 are
// followed by a factorized reduction of all values, which doubles the channels outside of search.
// Open, and in search: a layer is the batch norm of the sum of its operation and its skips. Closed: their concatenation, ReLU, 1x1, batch norm.
// Reads the numbers of the official code too (operation, then the layer's skips, layer by layer; operations conv_3x3, sep_conv_3x3, conv_5x5,
// sep_conv_5x5, avg_pool_3x3, max_pool_3x3). Departure: separable choices stay separable in the closed network, as in the paper (the
// released final networks use plain convolutions there).
std::unique_ptr<Space> make_enas_macro();

}  // namespace netwright
