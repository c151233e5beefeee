#pragma once
// Hashes that are equal on every machine: they go into journals and files.
#include <cstdint>
#include <string>
#include <string_view>

namespace netwright {

// FNV-1a with a final avalanche. Not for hostile input.
std::uint64_t hash_text(std::string_view text);

// Combines two words; mix(a, b) != mix(b, a).
std::uint64_t mix(std::uint64_t a, std::uint64_t b);

// Sixteen lower-case hexadecimal digits.
std::string hex(std::uint64_t value);

}  // namespace netwright
