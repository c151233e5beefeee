#pragma once
// Weights and inputs by a rule that anyone can write down again, for comparing scores between programs.
//
// lcg(seed): s = seed; repeat s = 1664525 s + 1013904223 mod 2^32; value s / 2^32 - 0.5, the first after one step.
// Weights of layer L = 0, 1, ... (convolutions and linear layers in registration order): 2 sqrt(6 / fan_in) lcg(12345 + 7919 L), row-major
// over {out, in / groups, kernel_h, kernel_w} or {out, in}; fan_in = in / groups * kernel_h * kernel_w. Biases 0; batch norm as new.
// Inputs: 2 sqrt(3) lcg(seed), row-major {batch, channels, height, width}: mean 0, variance 1.
// Cost: about 1 ns a number.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "netwright/nn/network.hpp"

namespace netwright {

constexpr std::uint32_t fill_input_seed = 99991;   // of the batch that is scored
constexpr std::uint32_t fill_noise_seed = 424242;  // of the batch that disturbs it (zen)

std::vector<double> lcg(std::uint32_t seed, std::size_t count);

// lcg(seed) in this shape, times `factor`, float64.
at::Tensor lcg_tensor(at::IntArrayRef sizes, std::uint32_t seed, double factor);

// Overwrites all parameters and buffers in place, whatever their dtype and device.
void fill_weights(const std::vector<NamedTensor>& tensors);

// float64, on the CPU.
at::Tensor fill_input(at::IntArrayRef sizes, std::uint32_t seed = fill_input_seed);

}  // namespace netwright
