#pragma once
// Matrix products of the pointwise convolutions: the value, its input gradient and its weight gradient are all one shape of loop.
#include <cstddef>

#include "netwright/kernels/upcoming.hpp"

namespace netwright {

// Floats in one vector of this machine. Scratch buffers round a pixel's channels up to a multiple of it, so that no inner loop has a tail.
int vector_lanes();
inline int padded_channels(int channels) { return (channels + vector_lanes() - 1) / vector_lanes() * vector_lanes(); }

// c[m][n] = sum_k a[m * a_row + k * a_column] * b[k * b_row + n]   (+ c[m][n] with `accumulate`)
struct Product {
  int m, n, k;                        // rows of b have padded_channels(n) elements
  const float* a;
  std::ptrdiff_t a_row, a_column;     // one of them is 1: (channels, 1) for values, (1, channels) for weight gradients
  const float* b;
  std::ptrdiff_t b_row;
  float* c;
  std::ptrdiff_t c_row;
  bool accumulate = false;
  int count = 1;                      // of such products, one behind the other
  std::ptrdiff_t a_next = 0, b_next = 0, c_next = 0;
  Upcoming* upcoming = nullptr;       // asked for meanwhile
};

// Each element is summed over k in order, by fused multiply-add where the machine has it.
void multiply(const Product& product);

}  // namespace netwright
