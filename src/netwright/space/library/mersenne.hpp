#pragma once
// MT19937 seeded as Python seeds it, for tables whose order was shuffled by Python. Not for searching: that is core/rng.hpp.
// Source: Matsumoto and Nishimura 1998, with init_by_array of the 2002 reference.
#include <array>
#include <cstdint>

namespace netwright {

class MersenneTwister {
 public:
  // As random.seed(key) for 0 <= key < 2^32.
  explicit MersenneTwister(std::uint32_t key) {
    state_[0] = 19650218U;
    for (std::uint32_t i = 1; i < size; ++i) state_[i] = 1812433253U * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
    std::uint32_t i = 1;
    for (std::uint32_t k = 0; k < size; ++k) i = stir(i, 1664525U, key);
    for (std::uint32_t k = 1; k < size; ++k) i = stir(i, 1566083941U, 0U - i);
    state_[0] = 0x80000000U;
  }

  // 32 uniform bits; getrandbits(k) is their k highest, for k <= 32.
  std::uint32_t next() {
    if (at_ == size) refill();
    std::uint32_t word = state_[at_++];
    word ^= word >> 11;
    word ^= (word << 7) & 0x9d2c5680U;
    word ^= (word << 15) & 0xefc60000U;
    return word ^ (word >> 18);
  }

 private:
  static constexpr std::uint32_t size = 624;

  std::uint32_t stir(std::uint32_t i, std::uint32_t factor, std::uint32_t added) {
    state_[i] = (state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30)) * factor)) + added;
    if (++i < size) return i;
    state_[0] = state_[size - 1];
    return 1;
  }

  void refill() {
    for (std::uint32_t i = 0; i < size; ++i) {
      const std::uint32_t pair = (state_[i] & 0x80000000U) | (state_[(i + 1) % size] & 0x7fffffffU);
      state_[i] = state_[(i + 397) % size] ^ (pair >> 1) ^ ((pair & 1U) != 0 ? 0x9908b0dfU : 0U);
    }
    at_ = 0;
  }

  std::array<std::uint32_t, size> state_{};
  std::uint32_t at_ = size;
};

}  // namespace netwright
