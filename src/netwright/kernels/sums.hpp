#pragma once
// Sums of several values that lie alike, pixel by pixel (NHWC), each with factors of its own per channel.
#include <cstddef>
#include <vector>

#include "netwright/kernels/depthwise.hpp"

namespace netwright {

// to[p][c] = constant[c] + sum_i factors[i][c] * values[i][p][c]; factors and constant have padded_channels() elements. Pixels of `to` begin `column` floats apart.
void sum_values(const std::vector<const float*>& values, const std::vector<const float*>& factors, const float* constant, std::ptrdiff_t pixels, int channels,
                float* to, std::ptrdiff_t column);

// to[i] += from[i].
void add_values(const float* from, std::size_t count, float* to);
// Pixels that begin `column` floats apart, more than there are channels where they are a slice of wider ones.
struct Slice {
  const float* from;
  std::ptrdiff_t column;
};
// to[p][c] += from[p][c].
void add_slice(const Slice& slice, std::ptrdiff_t pixels, int channels, float* to);

// A value that is multiplied by the same g as others: product[c] += sum_p g[p][c] * (value[p][c] - mean[c]). [padded]; in float over 64 pixels, then in double.
struct Factor {
  const float *value, *mean;
  double* product;
};
// The products of all, of which there is at least one, and sum[c] += sum_p g[p][c].
void sum_products(const Slice& g, const std::vector<Factor>& factors, std::ptrdiff_t pixels, int channels, double* sum);

// to[p][c] = a[c] * g[p][c] + b[c] * (value[p][c] - mean[c]) + constant[c], added to what is there with `add`; `to` may be `g`. The input gradient
// of a batch norm. Null b: a[c] * g[p][c] alone, and `value` is not read.
struct Affine {
  const float *a, *b, *mean, *constant;
};
void affine_gradient(const Slice& g, const float* value, const Affine& by, std::ptrdiff_t pixels, int channels, float* to, bool add = false);
// The same of one image whose `g` lies as `from` says and `value` pixel after pixel, to where `at` says, with the padded channels set to zero.
void affine_pixels(const float* g, const Pixels& from, const float* value, const Affine& by, int channels, float* to, const Pixels& at);

}  // namespace netwright
