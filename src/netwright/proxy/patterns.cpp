#include "netwright/proxy/patterns.hpp"

#include <ATen/ATen.h>

#include <limits>
#include <set>
#include <string>

#include "netwright/core/error.hpp"

namespace netwright {

at::Tensor agreement_kernel(const std::vector<at::Tensor>& patterns) {
  if (patterns.empty()) throw Error("there are no ReLU patterns to compare");
  at::Tensor kernel;
  for (const at::Tensor& pattern : patterns) {
    // Counts up to 2^24 are exact in float32, whose products are twice as fast.
    const at::Tensor flat = pattern.flatten(1);
    const at::Tensor on = flat.to(flat.size(1) < (1 << 24) ? at::kFloat : at::kDouble);
    const at::Tensor both = at::mm(on, on.t()).to(at::kDouble);
    const at::Tensor count = both.diagonal();
    const at::Tensor agreed = 2 * both - count.unsqueeze(0) - count.unsqueeze(1) + static_cast<double>(flat.size(1));
    kernel = kernel.defined() ? kernel + agreed : agreed;
  }
  return kernel;
}

double log_determinant(const at::Tensor& kernel) {
  // Elimination may leave equal rows a rounding error apart.
  for (std::int64_t i = 0; i < kernel.size(0); ++i)
    for (std::int64_t j = 0; j < i; ++j)
      if (at::equal(kernel[i], kernel[j])) return -std::numeric_limits<double>::infinity();
  return std::get<1>(at::slogdet(kernel.to(at::kDouble))).item<double>();
}

std::int64_t distinct_patterns(const std::vector<at::Tensor>& patterns) {
  if (patterns.empty()) return 0;
  std::vector<at::Tensor> flat;
  for (const at::Tensor& pattern : patterns) flat.push_back(pattern.flatten(1));
  const at::Tensor rows = at::cat(flat, 1).to(at::kCPU, at::kBool).contiguous();
  const auto* data = reinterpret_cast<const char*>(rows.const_data_ptr<bool>());
  const auto width = static_cast<std::size_t>(rows.size(1));
  std::set<std::string> seen;
  for (std::int64_t i = 0; i < rows.size(0); ++i) seen.emplace(data + static_cast<std::size_t>(i) * width, width);
  return static_cast<std::int64_t>(seen.size());
}

}  // namespace netwright
