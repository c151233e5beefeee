#pragma once
// Hand-made residual networks as a space of two decisions: the baseline that a search must beat.
#include <memory>

#include "netwright/space/space.hpp"

namespace netwright {

// Decisions: width (4 to 64 channels in the first stage, 2x and 4x in the next two) and depth (1, 2, 3, 5, 7 or 9 blocks a stage,
// in all three alike): 90 networks of 8 to 56 layers. Any input of at least 4x4. Source: He et al. 2016, arXiv 1512.03385.
std::unique_ptr<Space> make_resnet();

}  // namespace netwright
