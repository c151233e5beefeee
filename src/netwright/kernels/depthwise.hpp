#pragma once
// Depthwise convolution of one image in scratch memory: NHWC, zeros around it, channels a multiple of vector_lanes().
//
// out[r][q][c] = sum_ij in[r * stride + i * dilation][q * stride + j * dilation][c] * weights[i * kernel + j][c]
// The input gradient is the same function of the output's gradient with the taps in reverse order, stride 1, and, where the convolution
// had a stride, zeros between the gradient's pixels.
#include <cstddef>

#include "netwright/kernels/upcoming.hpp"

namespace netwright {

// Pixels of an image in memory: how many, and how many floats from one to the next.
struct Pixels {
  int height, width;
  std::ptrdiff_t row, column;
};

struct Depthwise {
  int channels, kernel, stride, dilation;   // kernel 3, 5, 7; stride 1, 2; dilation 1, 2
};

bool depthwise_fits(int kernel, int stride, int dilation);

// Rows [first, last) of the output, added to what is there with `add`; `out` points at row 0. `in` points at the corner of the zeros
// around the image. `upcoming` is asked for meanwhile.
void depthwise_rows(const Depthwise& shape, const float* in, std::ptrdiff_t in_row, const float* weights, float* out, const Pixels& out_pixels, int first,
                    int last, bool add, Upcoming* upcoming = nullptr);

// weights[t][c] += sum_rq gradient[r][q][c] * in[...][c], pixel after pixel in order.
void depthwise_weight_gradient(const Depthwise& shape, const float* in, std::ptrdiff_t in_row, const float* gradient, const Pixels& gradient_pixels,
                               float* weights);

}  // namespace netwright
