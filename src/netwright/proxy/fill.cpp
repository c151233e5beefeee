#include "netwright/proxy/fill.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace netwright {

std::vector<double> lcg(std::uint32_t seed, std::size_t count) {
  std::vector<double> values(count);
  std::uint32_t state = seed;
  for (double& value : values) {
    state = 1664525u * state + 1013904223u;
    value = state / 4294967296.0 - 0.5;
  }
  return values;
}

at::Tensor lcg_tensor(at::IntArrayRef sizes, std::uint32_t seed, double factor) {
  at::Tensor tensor = at::empty(sizes, at::kDouble);
  const auto values = lcg(seed, static_cast<std::size_t>(tensor.numel()));
  auto* data = tensor.mutable_data_ptr<double>();
  for (std::size_t i = 0; i < values.size(); ++i) data[i] = factor * values[i];
  return tensor;
}

void fill_weights(const std::vector<NamedTensor>& tensors) {
  const at::NoGradGuard no_grad;
  std::uint32_t layer = 0;
  for (const NamedTensor& named : tensors) {
    at::Tensor tensor = named.tensor;
    const bool weight = named.name.ends_with(".weight");
    if (named.op == "batch_norm") {
      tensor.fill_(weight || named.name.ends_with(".running_var") ? 1.0 : 0.0);
    } else if (weight) {
      const double fan_in = static_cast<double>(tensor.numel() / tensor.size(0));
      tensor.copy_(lcg_tensor(tensor.sizes(), 12345 + 7919 * layer++, 2 * std::sqrt(6 / fan_in)));
    } else {
      tensor.zero_();
    }
  }
}

at::Tensor fill_input(at::IntArrayRef sizes, std::uint32_t seed) { return lcg_tensor(sizes, seed, 2 * std::sqrt(3.0)); }

}  // namespace netwright
