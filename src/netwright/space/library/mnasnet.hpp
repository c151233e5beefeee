#pragma once
// MnasNet's factorised hierarchical space: five blocks, in each of which all layers are alike.
//
// Stem 3x3 32 stride 2, a fixed depthwise-separable layer of 16, five searched blocks over MobileNetV2's (24 x 2, 32 x 3, 64 x 4,
// 96 x 3, 160 x 3; channels x layers), a fixed inverted residual of 320, 1x1 to 1280, pooling, linear. Decisions of a block:
//   op      conv, sep (depthwise, pointwise), mbconv3, mbconv6       kernel  3, 5
//   se      none, se0.25 (of the layer's input channels)             skip    none, identity, pool
//   filters 0.75, 1.0, 1.25 of the block's channels                  layers  -1, +0, +1 beside the block's number
// 432 choices a block, 432^5 in all, as the paper estimates. All blocks have open widths, so the open graph is elastic.
// Block strings ("r3_k5_s22_e3_i24_o40_se0.25,...", mobile_blocks.hpp) are read as networks too: MnasNet-A1 and B1 are such, and no
// architectures of the space (their fourth block has 112 and 96 channels, their expansions are mixed).
// Source: Tan et al. 2019, arXiv 1807.11626. Departures: the paper does not print how 432 comes about; a skip by pooling that changes
// shape ends in a 1x1 convolution with batch norm, and an identity that would is none.
#include <memory>

#include "netwright/space/space.hpp"

namespace netwright {

std::unique_ptr<Space> make_mnasnet();

}  // namespace netwright
