#pragma once
// The scores without training that an oracle case asks for.
#include <ATen/core/Tensor.h>

#include <nlohmann/json.hpp>

namespace netwright {

// Scores, loss, logits and kernels in this dtype, under the names of the case's `expect`; names that nothing here computes are left
// out. Cost: about two seconds for a NAS-Bench-201 cell in float64. Errors: UsageError for a field it cannot read.
nlohmann::ordered_json proxy_values(const nlohmann::ordered_json& oracle_case, at::ScalarType dtype);

}  // namespace netwright
