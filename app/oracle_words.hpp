#pragma once
// Tensors that an oracle case writes in words, and tensors as JSON.
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oracle_kinds.hpp"

namespace netwright {

// "2*LCG(11) 14x8", float64: the first one at or behind `marker` in the words; without a factor 1, without a shape the fallback.
// Errors: UsageError where there is none.
at::Tensor tensor_in_words(std::string_view words, std::string_view marker, const std::vector<std::int64_t>& fallback = {});

OracleJson values_json(const at::Tensor& tensor);   // flat
OracleJson rows_json(const at::Tensor& tensor);     // {n, m}: a list of lists
at::Tensor vector_of(const OracleJson& numbers);    // float64

}  // namespace netwright
