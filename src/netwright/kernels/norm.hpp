#pragma once
// Batch norm as numbers per channel, folded into the kernels that read or write the value: z = scale * x + shift.
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "netwright/kernels/groups.hpp"
#include "netwright/kernels/image.hpp"
#include "netwright/kernels/sums.hpp"

namespace netwright {

struct Norm {
  at::Tensor weight, bias;                 // undefined: not affine
  at::Tensor running_mean, running_var;
  bool batch_statistics = true;            // false: the running ones
  double momentum = 0.1, epsilon = 1e-5;
};

// What the norm reads besides its input, weight and bias: nothing with batch statistics, whose running ones have moved already.
inline Norm statistics_of(Norm norm) {
  norm.weight = norm.bias = at::Tensor();
  if (norm.batch_statistics) norm.running_mean = norm.running_var = at::Tensor();
  return norm;
}

// Per channel, padded with zeros: scale = weight / sqrt(variance + epsilon), shift = bias - mean * scale.
struct NormNumbers {
  std::vector<float> scale, shift, mean;
  std::vector<double> inverse;             // 1 / sqrt(variance + epsilon)
  double count = 0;                        // pixels that the statistics are over; 0: they are constants
};

// The input gradient of a batch norm, left to the function that made the norm's input, which reads its gradient anyway:
// gradient = a * g + b * (value - mean) + constant, g what autograd hands on. Without b: a * g, of a value weighed without a norm (constant: zeros).
// Without a nothing is left, g is the gradient. Where images have factors g is multiplied by its image's first.
struct LeftGradient {
  at::Tensor value;
  std::vector<float> a, b, mean, constant, images = {};

  bool is_left() const { return !a.empty(); }
  Affine by() const { return {a.data(), b.empty() ? nullptr : b.data(), mean.data(), constant.data()}; }
  // a times each image's factor; empty where there are none.
  std::vector<std::vector<float>> a_of_images() const;
};

// Mean and biased variance per channel, and the number of pixels behind them; 0: nobody has counted. `left` is there where the value's
// maker takes what its only reader leaves.
struct BatchMoments {
  std::vector<double> mean, variance;
  double count = 0;
  std::shared_ptr<LeftGradient> left = {};
};

// Of a channels-last float value, in one pass; the same for every number of threads.
BatchMoments batch_moments(const at::Tensor& value);
BatchMoments as_batch(const std::vector<Moments>& parts);

// With batch statistics takes `moments` (computed from the value where they are not given) and moves the running statistics towards them,
// as torch does: running = (1 - momentum) * running + momentum * new, the variance unbiased.
NormNumbers norm_numbers(const Norm& norm, const at::Tensor& value, const BatchMoments& moments);

// A gradient as the kernels read it: channels-last, or a slice of what is.
at::Tensor readable(const at::Tensor& gradient);
// Floats from one of its pixels to the next, which lie one behind the other at one distance, channels together; 0 where they do not.
std::ptrdiff_t column_of(const at::Tensor& gradient);

// The gradient of the norm's input out of the two sums over pixels, sum g and sum g * (x - mean).
struct NormBackward {
  std::vector<float> a, b, constant;       // input gradient = a * g + b * (x - mean) + constant
  std::vector<float> weight, bias;         // gradients
};
NormBackward norm_backward(const NormNumbers& numbers, std::span<const double> sum, std::span<const double> product, std::size_t channels);

}  // namespace netwright
