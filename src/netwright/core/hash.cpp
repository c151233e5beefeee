#include "netwright/core/hash.hpp"

namespace netwright {
namespace {

std::uint64_t avalanche(std::uint64_t z) {
  z = (z ^ (z >> 33)) * 0xff51afd7ed558ccdULL;
  z = (z ^ (z >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return z ^ (z >> 33);
}

}  // namespace

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const unsigned char c : text) h = (h ^ c) * 0x100000001b3ULL;
  return avalanche(h);
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) { return avalanche(avalanche(a + 0x9e3779b97f4a7c15ULL) ^ (b * 0xda942042e4dd58b5ULL + 1)); }

std::string hex(std::uint64_t value) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (int i = 15; i >= 0; --i, value >>= 4) text[static_cast<std::size_t>(i)] = digits[value & 15];
  return text;
}

}  // namespace netwright
