#pragma once
// Work on a batch by groups of images or pixels, whose borders do not depend on the threads: sums of groups are added in order, so no result does.
//
// Threads begin with shares of neighbouring groups, from the front; who has done his own takes from the ends of the others': a thread that is slower,
// or begins later, holds nobody up for longer than a group.
#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace netwright {

constexpr std::int64_t kMostGroups = 16;
struct Groups {
  std::int64_t batch, count;
  explicit Groups(std::int64_t images, std::int64_t most = kMostGroups) : batch(images), count(std::min({images, most, kMostGroups})) {}
  std::int64_t begin(std::int64_t group) const { return group * batch / count; }
  std::int64_t end(std::int64_t group) const { return begin(group + 1); }
};

// Which groups nobody has taken yet, thread by thread: [begin, end) in the two halves of a number.
class Shares {
 public:
  Shares(std::int64_t groups, std::int64_t threads) : left_(static_cast<std::size_t>(threads)) {
    for (std::int64_t t = 0; t < threads; ++t) left_[static_cast<std::size_t>(t)] = packed(t * groups / threads, (t + 1) * groups / threads);
  }
  // -1: none is left.
  std::int64_t next(std::size_t thread) {
    std::int64_t group = take(left_[thread], true);
    for (std::size_t other = 0; group < 0 && other < left_.size(); ++other) group = take(left_[other], false);
    return group;
  }

 private:
  static std::uint64_t packed(std::int64_t begin, std::int64_t end) { return static_cast<std::uint64_t>(begin) << 32 | static_cast<std::uint64_t>(end); }
  static std::int64_t take(std::atomic<std::uint64_t>& share, bool first) {
    for (std::uint64_t now = share.load();;) {
      const auto begin = static_cast<std::int64_t>(now >> 32), end = static_cast<std::int64_t>(now & 0xffffffffu);
      if (begin >= end) return -1;
      if (share.compare_exchange_weak(now, first ? packed(begin + 1, end) : packed(begin, end - 1))) return first ? begin : end - 1;
    }
  }
  std::vector<std::atomic<std::uint64_t>> left_;
};

// work(next) in every thread; next() is the next group to work on, below zero once there is none.
template <class Work>
void over_groups(const Groups& groups, const Work& work) {
  const std::int64_t threads = std::min<std::int64_t>(at::get_num_threads(), groups.count);
  Shares shares(groups.count, threads);
  at::parallel_for(0, threads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) work([&shares, t] { return shares.next(static_cast<std::size_t>(t)); });
  });
}

}  // namespace netwright
