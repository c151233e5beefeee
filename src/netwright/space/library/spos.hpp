#pragma once
// Single Path One-Shot: 20 ShuffleNetV2 blocks, each of four kinds.
//
// Stem 3x3 16 stride 2; stages of 4, 4, 8, 4 blocks with 64, 160, 320, 640 channels, the first of each with stride 2; 1x1 to 1024,
// pooling, a linear layer without bias. A block of stride 1 keeps every second channel and works on the others.
// Choices: shuffle_3x3, shuffle_5x5, shuffle_7x7, xception; written as digits 0 to 3: "21012020...". A JSON list of them is read too.
// Setting `dropout`: 0.1 before the classifier, none in the supernet.
// Source: Guo et al. 2020, arXiv 1904.00420.
#include <memory>

#include "netwright/space/space.hpp"

namespace netwright {

std::unique_ptr<Space> make_spos();

}  // namespace netwright
