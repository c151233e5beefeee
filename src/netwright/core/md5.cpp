#include "netwright/core/md5.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace netwright {
namespace {

using State = std::array<std::uint32_t, 4>;

// floor(2^32 |sin(i + 1)|), as the standard defines its constants.
const std::array<std::uint32_t, 64>& sines() {
  static const auto table = [] {
    std::array<std::uint32_t, 64> values{};
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint32_t>(std::floor(std::abs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
    return values;
  }();
  return table;
}

constexpr std::array<std::array<int, 4>, 4> turns = {{{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};

std::uint32_t word_at(const unsigned char* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 | static_cast<std::uint32_t>(bytes[2]) << 16 |
         static_cast<std::uint32_t>(bytes[3]) << 24;
}

void digest(State& state, const unsigned char* block) {
  auto [a, b, c, d] = state;
  for (std::uint32_t i = 0; i < 64; ++i) {
    std::uint32_t f = 0, word = i;
    if (i < 16) f = (b & c) | (~b & d);
    else if (i < 32) f = (d & b) | (~d & c), word = 5 * i + 1;
    else if (i < 48) f = b ^ c ^ d, word = 3 * i + 5;
    else f = c ^ (b | ~d), word = 7 * i;
    f += a + sines()[i] + word_at(block + 4 * (word % 16));
    a = d, d = c, c = b;
    b += std::rotl(f, turns[i / 16][i % 4]);
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

}  // namespace

std::string md5(std::string_view text) {
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t rest = text.size();
  for (; rest >= 64; rest -= 64, bytes += 64) digest(state, bytes);
  // A one, zeros, and the length in bits fill the last one or two blocks.
  std::array<unsigned char, 128> last{};
  if (rest > 0) std::memcpy(last.data(), bytes, rest);
  last[rest] = 0x80;
  const std::size_t end = rest < 56 ? 64 : 128;
  for (std::size_t i = 0; i < 8; ++i) last[end - 8 + i] = static_cast<unsigned char>(std::uint64_t{text.size()} * 8 >> (8 * i));
  for (std::size_t at = 0; at < end; at += 64) digest(state, last.data() + at);
  static constexpr char digits[] = "0123456789abcdef";
  std::string hexadecimal;
  for (const std::uint32_t word : state)
    for (int shift = 0; shift < 32; shift += 8) hexadecimal += {digits[word >> (shift + 4) & 15], digits[word >> shift & 15]};
  return hexadecimal;
}

}  // namespace netwright
