#pragma once
// EfficientNet: one base network, and what compound scaling makes of it.
#include <memory>

#include "netwright/space/library/mobile_blocks.hpp"

namespace netwright {

// EfficientNet-B0: seven kinds of blocks, squeeze-excite 0.25 of the block's input, SiLU, stem 32, head 1280. 5,288,548 parameters.
MobileNetwork efficientnet_base();

// The factors that an architecture of the space picks; its resolution factor is 1.
Scaling scaling_of(const DecisionTree& tree, const Architecture& architecture);

// Decisions: width (1.0 to 2.0) and depth (1.0 to 3.1), the factors of the released B0 to B7; resolution is the input's side.
// Settings: `base` (block strings: any mobile network is scaled), head, activation, squeeze, dropout, drop_path.
// Beside architectures the space reads "alpha=1.2,beta=1.1,gamma=1.15,phi=2" (any of them may be left out, those being the paper's
// and phi 1): the network at those exact powers, its input's side multiplied by gamma^phi.
// Source: Tan and Le 2019, arXiv 1905.11946. Departure: the released B1 to B7 use rounded factors and not the exact powers; so do ours.
std::unique_ptr<Space> make_efficientnet();

}  // namespace netwright
