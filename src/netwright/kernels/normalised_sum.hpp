#pragma once
// The weighted sum over candidates with the batch norm at the end of each folded in: no normalised or scaled value is ever written.
//
// y = sum_i weights[i] * images_i * norm_i(values[i]), norm_i = identity where a term has none, images_i a number for each image (those of
// drop-path), 1 where a term has none. All values have one shape, float32 on the CPU,
// channels-last inside. Forward reads each value once; backward reads it twice: once for the gradients of all weights and norms
// together, once for its own gradient. Kept: the values and three numbers a channel. Differentiable twice, through the twin.
// Bits: the same for any number of threads. Errors: Error when normalised_sum_fits() is false.
// Source: our own; the sum is that of DARTS (Liu et al. 2019, arXiv 1806.09055, eq. 2).
#include <optional>
#include <vector>

#include "netwright/kernels/norm.hpp"

namespace netwright {

struct Term {
  at::Tensor value;
  std::optional<Norm> norm = {};
  BatchMoments moments = {};               // of the value, where somebody has computed them already
  std::vector<float> images = {};          // a factor of each; empty: 1
  // Where set, the value stands for scale * value + shift by these numbers, whose gradient is what it is given (Convolved::norm); no norm besides.
  std::shared_ptr<const NormNumbers> as = {};
  Term(at::Tensor of = {}) : value(std::move(of)) {}
};

bool normalised_sum_fits(const at::Tensor& weights, const std::vector<Term>& terms);
// Undefined weights: all are one.
at::Tensor normalised_sum(const at::Tensor& weights, const std::vector<Term>& terms);
// Several sums, whose channels come one behind the other in one value: none is made by itself. Their values agree in all but channels.
struct SumOfTerms {
  at::Tensor weights;
  std::vector<Term> terms;
};
at::Tensor joined_sums(const std::vector<SumOfTerms>& sums);
// Out of torch's operations: oracle and fallback.
at::Tensor normalised(const Term& term);
at::Tensor normalised_sum_plain(const at::Tensor& weights, const std::vector<Term>& terms);

}  // namespace netwright
