#pragma once
// Memory that is going to be read or written next, asked for while something else is computed: a few lines of the cache at every turn of a loop
// that finds its own operands in the cache. Values of a training step come from memory, at the speed of which a core computes half as much.
#include <array>
#include <cstddef>

namespace netwright {

class Upcoming {
 public:
  void clear() { ranges_ = next_ = 0, at_ = end_ = nullptr; }
  // Null and what is more than there is room for is left out.
  void add(const float* from, std::ptrdiff_t count) {
    if (from == nullptr || ranges_ == list_.size()) return;
    const auto* start = reinterpret_cast<const char*>(from);
    list_[ranges_++] = {start, start + count * std::ptrdiff_t{sizeof(float)}};
  }
  // Into the second-level cache.
  template <int Lines>
  void turn() {
    if (at_ >= end_ && !begin_next()) return;
    for (int i = 0; i < Lines; ++i) __builtin_prefetch(at_ + i * kLine, 0, 2);
    at_ += Lines * kLine;
  }

 private:
  static constexpr std::ptrdiff_t kLine = 64;
  struct Range {
    const char *begin, *end;
  };
  bool begin_next() {
    if (next_ == ranges_) return false;
    at_ = list_[next_].begin, end_ = list_[next_++].end;
    return at_ < end_;
  }
  std::array<Range, 4> list_;
  std::size_t ranges_ = 0, next_ = 0;
  const char *at_ = nullptr, *end_ = nullptr;
};

}  // namespace netwright
