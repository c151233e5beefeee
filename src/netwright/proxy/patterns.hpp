#pragma once
// Which ReLUs are on: the patterns of a batch, and what is counted in them.
//
// A pattern tensor is {batch, ...} of bool, one a ReLU layer: true where the value that the layer reads is above zero.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace netwright {

// K_ij = number of ReLUs that samples i and j agree on (both on or both off), {batch, batch} float64; exact.
// Errors: Error for an empty list. Cost: one matrix product a layer, batch^2 x ReLUs.
at::Tensor agreement_kernel(const std::vector<at::Tensor>& patterns);

// log |det K|; -infinity when K is singular, which two equal rows always make it.
double log_determinant(const at::Tensor& kernel);

// How many different patterns the batch has, all layers of a sample taken as one pattern. An empty list counts 0.
std::int64_t distinct_patterns(const std::vector<at::Tensor>& patterns);

}  // namespace netwright
