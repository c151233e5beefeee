#pragma once
// Sums of several values that lie alike, pixel by pixel (NHWC), each with factors of its own per channel.
#include <cstddef>
#include <vector>

namespace netwright {

// to[p][c] = constant[c] + sum_i factors[i][c] * values[i][p][c]; factors and constant have padded_channels() elements.
void sum_values(const std::vector<const float*>& values, const std::vector<const float*>& factors, const float* constant, std::ptrdiff_t pixels, int channels,
                float* to);

// to[i] += from[i].
void add_values(const float* from, std::size_t count, float* to);

// sum[c] += sum_p g[p][c]; product[c] += sum_p g[p][c] * (value[p][c] - mean[c]). Both [padded]; in float over 64 pixels, then in double.
void sum_products(const float* g, const float* value, const float* mean, std::ptrdiff_t pixels, int channels, double* sum, double* product);

// to[p][c] = a[c] * g[p][c] + b[c] * (value[p][c] - mean[c]) + constant[c]; `to` may be `g`. The input gradient of a batch norm.
struct Affine {
  const float *a, *b, *mean, *constant;
};
void affine_gradient(const float* g, const float* value, const Affine& by, std::ptrdiff_t pixels, int channels, float* to);

}  // namespace netwright
