#pragma once
// What the DARTS supernet computes under an oracle case's weights and architecture parameters.
#include <ATen/core/Tensor.h>

#include <nlohmann/json.hpp>

namespace netwright {

// logits, loss, and gradients of architecture parameters and weights in this dtype, under the names of the case's `expect`: batch
// norm reads the batch, weights and input follow proxy/fill.hpp. Cost: about a second. Errors: UsageError for a field it cannot read.
nlohmann::ordered_json darts_supernet_values(const nlohmann::ordered_json& oracle_case, at::ScalarType dtype);

}  // namespace netwright
