#pragma once
// Largest value and mean over windows of 3x3 pixels as one function of torch, padding 1 (which a mean does not count), stride 1 or 2.
//
// x {batch, channels, height, width} -> {batch, channels, (height - 1) / stride + 1, (width - 1) / stride + 1}; float32 on the CPU,
// channels-last inside. Kept for backward of the largest value: x (torch keeps eight bytes of index for every value as well), of
// the mean: nothing. Differentiable twice, through the twin.
// Bits: the same for any number of threads and instruction set. Cost: each value is read three times, once for each row of windows; images in parallel.
// Errors: Error when pool_fits() is false.
#include <ATen/core/Tensor.h>

namespace netwright {

struct Pool {
  bool largest = true;         // false: the mean
  std::int64_t stride = 1;
};

bool pool_fits(const at::Tensor& x, const Pool& what);
at::Tensor pool(const at::Tensor& x, const Pool& what);
// The same out of torch's operations: oracle and fallback.
at::Tensor pool_plain(const at::Tensor& x, const Pool& what);

}  // namespace netwright
