#pragma once
// Randomness: one seed, named streams, and draws that are the same on every machine and compiler.
//
//   Seed seed(7);
//   Rng rng = seed.derive("trial", 12).derive("init").rng();
//   rng.below(6); rng.uniform(); rng.normal();
//
// Generator: xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64. No std:: distribution is used anywhere: their
// results differ between libraries. Cost: about 1 ns a draw.
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace netwright {

class Rng {
 public:
  explicit Rng(std::uint64_t seed);

  std::uint64_t next();                       // 64 uniform bits
  double uniform();                           // in [0, 1), 53 bits
  std::uint64_t below(std::uint64_t bound);   // in [0, bound), unbiased; bound >= 1
  double normal();                            // mean 0, deviation 1 (Box-Muller, two uniforms a draw)
  bool chance(double probability);            // true with the given probability

  // k distinct numbers of 0..n-1, ascending, uniform over the subsets (Floyd's algorithm).
  std::vector<int> subset(int n, int k);

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::uint64_t state_[4];
};

// A place in the tree of streams. Two streams with different paths from one root are independent.
class Seed {
 public:
  explicit Seed(std::uint64_t value) : value_(value) {}
  Seed derive(std::string_view role) const;
  Seed derive(std::string_view role, std::uint64_t number) const;
  std::uint64_t value() const { return value_; }
  Rng rng() const { return Rng(value_); }

 private:
  std::uint64_t value_;
};

}  // namespace netwright
