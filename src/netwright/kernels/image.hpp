#pragma once
// One image between a tensor (NHWC, exactly `channels` floats a pixel) and scratch memory (channels a multiple of vector_lanes(), zeros
// around it), with what costs nothing on the way: scale and shift of a batch norm, ReLU, every n-th pixel, sums over pixels.
#include <cstddef>
#include <vector>

#include "netwright/kernels/depthwise.hpp"

namespace netwright {

// z = max(0, scale[c] * x + shift[c]); null scale: not scaled; rectify false: no maximum. Both have padded_channels() elements.
struct Load {
  const float* scale = nullptr;
  const float* shift = nullptr;
  bool rectify = false;
};

// to[r][q][c] = z of from[r][q][c]; the channels from `channels` up to the padded ones become zero.
void load_pixels(const float* from, const Pixels& from_pixels, int channels, const Load& load, float* to, const Pixels& to_pixels);

// to[r][q][c] = from[r][q][c] for c < channels.
void store_pixels(const float* from, const Pixels& from_pixels, int channels, float* to, const Pixels& to_pixels);

// Sums over pixels for the gradient of a batch norm: sum g and sum g * (x - mean), in double.
struct GradientSums {
  const float* x;            // as `to` lies
  const float* mean;         // [padded]
  double* sum;               // [padded], added to
  double* product;           // [padded], added to
};

// to = from where z > 0, else 0 (z null: all of from); with `sums`, also the sums of what is stored.
void store_gradient(const float* from, const Pixels& from_pixels, const float* z, const Pixels& z_pixels, int channels, float* to, const Pixels& to_pixels,
                    const GradientSums* sums);

// Mean and sum of squared deviations per channel, combined block by block (Chan et al. 1983), so that a large mean costs no digits.
struct Moments {
  double count = 0;
  std::vector<double> mean, squares;
  explicit Moments(int channels) : mean(static_cast<std::size_t>(channels)), squares(static_cast<std::size_t>(channels)) {}
  void add(const Moments& other);
};

// The moments of pixels that lie one behind the other, without padding.
void add_moments_packed(const float* values, int pixels, int channels, Moments& moments);

}  // namespace netwright
