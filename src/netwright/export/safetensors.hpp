#pragma once
// Weights in a safetensors file: named float32 tensors and a map of texts, readable by every framework of the field.
// Files of others: F64, F16 and BF16 are read as float32; whole numbers (the batch counters of PyTorch's norms) are left out.
//
// Layout (the public format): eight bytes little-endian, the length of the header; the header, JSON padded with blanks to a
// multiple of eight; the values, little-endian, row-major, in the order of the weights.
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "netwright/graph/weights.hpp"

namespace netwright {

using Metadata = std::map<std::string, std::string, std::less<>>;

struct Safetensors {
  Weights weights;     // in the order of their values in the file
  Metadata metadata;
};

// Errors: UsageError for two weights of one name, or values that do not fill their shape.
std::string to_safetensors(const Weights& weights, const Metadata& metadata = {});
// from_safetensors(to_safetensors(w, m)) == {w, m}. Errors: UsageError naming the tensor and the rule for text that is truncated, has no
// valid header, an unknown type, or tensors that do not lie side by side in the values.
Safetensors from_safetensors(std::string_view bytes);

// The same with files; errors name the file.
void write_safetensors(const std::filesystem::path& file, const Weights& weights, const Metadata& metadata = {});
Safetensors read_safetensors(const std::filesystem::path& file);

}  // namespace netwright
