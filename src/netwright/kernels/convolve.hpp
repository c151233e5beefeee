#pragma once
// batch norm -> ReLU -> depthwise -> pointwise convolution as one function of torch, each part optional, at least one convolution; or a dense
// 3x3 convolution in the place of both; and what else reads x beside such functions: poolings and x itself.
//
// y = pointwise(depthwise(relu(norm(x)))). x {batch, channels, height, width}; depthwise {channels, 1, k, k} with k 3, 5 or 7, dilation
// 1 or 2, padding dilation * (k - 1) / 2; pointwise {out, channels, 1, 1}; the stride (1, 2) is the depthwise convolution's, or the
// pointwise one's where there is no other, which then may begin with the pixel at (offset, offset): the second half of a factorized reduce;
// dense {out, channels, 3, 3} with padding 1, stride 1 (winograd.hpp). Float32 on the CPU, channels-last inside; no biases.
// Kept for backward: x, the weights and three numbers a channel. Differentiable twice, through the twin.
// Bits: the same for any number of threads; instruction sets without fused multiply-add round differently.
// Cost: see docs/performance.md. Errors: Error when convolve_fits() is false.
#include <optional>
#include <vector>

#include "netwright/kernels/norm.hpp"
#include "netwright/kernels/pool.hpp"

namespace netwright {

struct Convolve {
  std::optional<Norm> norm;
  bool rectify = false;
  at::Tensor depthwise, pointwise, dense;  // undefined: there is none
  std::int64_t stride = 1, dilation = 1, offset = 0;
  std::optional<Pool> pool = {};           // in the place of everything above
  bool same = false;                       // norm(x), in the place of all else above: its gradient is added where those of the others are
  BatchMoments input_moments = {};         // of x, where somebody has computed them already
  bool wants_moments = false;              // of y, for a batch norm that follows
  bool read_once = false;                  // that batch norm alone reads y: its input gradient may be left to this function
};

struct Convolved {
  at::Tensor value;
  BatchMoments moments = {};
  std::shared_ptr<const NormNumbers> norm = {};   // of `same` with a norm: the value is x, its gradient that of norm(x) (Term::as)
};

inline bool convolves(const Convolve& what) { return !what.pool && !what.same; }
bool convolve_fits(const at::Tensor& x, const Convolve& what);
// Functions of one x that can be one: all have one norm or none has any, and the convolutions among them agree in stride and ReLU.
bool convolve_together(const Convolve& a, const Convolve& b);
// x is loaded once for all, equal poolings are computed once, and all gradients of x are added up image by image. Moments of x itself are not counted.
std::vector<Convolved> convolve_all(const at::Tensor& x, const std::vector<Convolve>& list);
Convolved convolve(const at::Tensor& x, const Convolve& what);
// The same out of torch's operations: oracle and fallback. Any dtype and device.
at::Tensor convolve_plain(const at::Tensor& x, const Convolve& what);

}  // namespace netwright
