#pragma once
// The clipped surrogate of PPO; the moving baseline is strategy/reward_baseline.hpp.
#include <ATen/core/Tensor.h>

namespace netwright {

// min(r A, clip(r, 1 - range, 1 + range) A), elementwise, to be maximised (Schulman et al. 2017, arXiv 1707.06347, eq. 7).
at::Tensor clipped_surrogate(const at::Tensor& ratio, const at::Tensor& advantage, double range);

}  // namespace netwright
