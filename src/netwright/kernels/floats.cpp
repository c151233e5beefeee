#include "netwright/kernels/floats.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace netwright {
namespace {

constexpr std::align_val_t kLine{64};
constexpr std::size_t kLeast = 10, kMost = 22, kBlocks = 16;   // powers of two of the sizes that are kept; blocks of each

// The address sanitizer sees a block's end where it is the system's.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

// Of a thread that ends, while others' blocks may still come here. By itself: what a destructor writes into its own object may be left out.
thread_local bool gone = false;

struct Kept {
  std::array<std::array<void*, kBlocks>, kMost + 1> blocks;
  std::array<std::size_t, kMost + 1> counts{};

  ~Kept() {
    gone = true;
    for (std::size_t power = 0; power < counts.size(); ++power)
      for (std::size_t i = 0; i < counts[power]; ++i) ::operator delete(blocks[power][i], kLine);
  }
};

thread_local Kept kept;

std::size_t power_of(std::size_t bytes) { return std::max(kLeast, static_cast<std::size_t>(std::bit_width(bytes == 0 ? 0 : bytes - 1))); }

}  // namespace

void* take_lines(std::size_t bytes) {
  const std::size_t power = power_of(bytes);
  if (!kKeeps || power > kMost) return ::operator new(bytes, kLine);
  if (!gone && kept.counts[power] > 0) return kept.blocks[power][--kept.counts[power]];
  return ::operator new(std::size_t{1} << power, kLine);
}

void give_lines(void* lines, std::size_t bytes) {
  const std::size_t power = power_of(bytes);
  if (!kKeeps || power > kMost || gone || kept.counts[power] == kBlocks) return ::operator delete(lines, kLine);
  kept.blocks[power][kept.counts[power]++] = lines;
}

}  // namespace netwright
