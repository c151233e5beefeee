#pragma once
// Once-for-All: MobileNetV3 with elastic kernel, width and depth.
//
// Five units of depth 2, 3 or 4 (the first layers are kept); every layer has kernel 3, 5 or 7 and expansion 3, 4 or 6; resolution is
// the input's side. (9^2 + 9^3 + 9^4)^5 architectures. Kernel, expansion and depth are open attributes and selects of one graph; the
// depthwise convolutions carry `kernel_transform`, whose matrices the open graph alone has (14,120 parameters).
// Written as in the field: {"ks": [20 kernels], "e": [20 expansions], "d": [5 depths]}, four entries a unit, those beyond its depth
// without meaning; a list of one stands for all. "k5 e4 d3" is the same for all layers. A key "r" gives the side of the input.
// Source: Cai et al. 2020, arXiv 1908.09791. Setting `width`: the width multiplier (1.0 and 1.2 were released).
#include <memory>

#include "netwright/space/space.hpp"

namespace netwright {

std::unique_ptr<Space> make_ofa_mobilenetv3();

}  // namespace netwright
