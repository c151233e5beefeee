#include "netwright/learned/policy_gradient.hpp"

#include <ATen/ATen.h>

namespace netwright {

at::Tensor clipped_surrogate(const at::Tensor& ratio, const at::Tensor& advantage, double range) {
  return at::minimum(ratio * advantage, ratio.clamp(1 - range, 1 + range) * advantage);
}

}  // namespace netwright
