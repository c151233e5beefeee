#pragma once
// Memory that is going to be read or written next, asked for while something else is computed: a few lines of the cache at every turn of a loop
// that finds its own operands in the cache. Values of a training step come from memory, at the speed of which a core computes half as much.
#include <array>
#include <cstddef>
#include <cstdint>

namespace netwright {

class Upcoming {
 public:
  void clear() { ranges_ = next_ = 0, at_ = end_ = nullptr; }
  // Null and what is more than there is room for is left out.
  void add(const float* from, std::ptrdiff_t count) {
    if (from == nullptr || ranges_ == list_.size()) return;
    add_runs(from, 1, count, 0);
  }
  // `runs` of `count` floats, `distance` apart: a slice's pixels.
  void add_runs(const float* from, std::ptrdiff_t runs, std::ptrdiff_t count, std::ptrdiff_t distance) {
    if (from == nullptr || ranges_ == list_.size()) return;
    constexpr std::ptrdiff_t size = sizeof(float);
    list_[ranges_++] = {reinterpret_cast<const char*>(from), count * size, runs, distance * size};
  }
  // Into the second-level cache.
  template <int Lines>
  void turn() {
    if (at_ >= end_ && !begin_run()) return;
    for (int i = 0; i < Lines && at_ < end_; ++i, at_ += kLine) __builtin_prefetch(at_, 0, 2);
  }

 private:
  static constexpr std::ptrdiff_t kLine = 64;
  struct Range {
    const char* begin;
    std::ptrdiff_t bytes, runs, distance;
  };
  bool begin_run() {
    if (next_ == ranges_) return false;
    Range& range = list_[next_];
    at_ = range.begin - reinterpret_cast<std::uintptr_t>(range.begin) % kLine, end_ = range.begin + range.bytes;
    range.begin += range.distance;
    if (--range.runs == 0) ++next_;
    return at_ < end_;
  }
  std::array<Range, 8> list_;
  std::size_t ranges_ = 0, next_ = 0;
  const char *at_ = nullptr, *end_ = nullptr;
};

}  // namespace netwright
