#pragma once
// The clipped surrogate of PPO.
#include <algorithm>

namespace netwright {

// value = min(r A, clip(r, 1 - range, 1 + range) A), to be maximised, and its slope d value / d r: A where the first term counts, else 0.
// r: the probability of what was drawn over that at its draw; A: the advantage. Source: Schulman et al. 2017, arXiv 1707.06347, eq. 7.
struct Surrogate {
  double value = 0;
  double slope = 0;
};
inline Surrogate clipped_surrogate(double ratio, double advantage, double range) {
  const double plain = ratio * advantage, clipped = std::clamp(ratio, 1 - range, 1 + range) * advantage;
  return {.value = std::min(plain, clipped), .slope = plain <= clipped ? advantage : 0};
}

}  // namespace netwright
