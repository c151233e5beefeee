// What a unit could keep for backward, against computing it again: the depthwise result d of 16 channels at 32x32, image by image over 64 MB of them, as a
// training step meets them. Three ways: d is computed again from z, which is in the cache; d is stored forward and read backward; the same in 16 bits (bfloat16).
//   keep_rates [rounds = 9]
// Prints the microseconds an image that each adds to a step, what a bfloat16 loses, and the megabytes that a batch of 16 keeps.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "measure.hpp"
#include "netwright/kernels/depthwise.hpp"
#include "netwright/kernels/floats.hpp"

namespace netwright::bench {
namespace {

constexpr int kChannels = 16, kSide = 32, kImages = 1024;
constexpr std::size_t kImage = std::size_t{kSide} * kSide * kChannels;

void to_half(const float* from, std::uint16_t* to) {
  for (std::size_t i = 0; i < kImage; ++i) to[i] = static_cast<std::uint16_t>((std::bit_cast<std::uint32_t>(from[i]) + 0x8000u) >> 16);
}

void from_half(const std::uint16_t* from, float* to) {
  for (std::size_t i = 0; i < kImage; ++i) to[i] = std::bit_cast<float>(static_cast<std::uint32_t>(from[i]) << 16);
}

// Microseconds an image of a pass over all images, the last one first where it is backward's.
double microseconds(const std::function<void(std::size_t)>& work, bool backward) {
  return 1e6 / kImages * seconds_of([&] {
           for (std::size_t i = 0; i < kImages; ++i) work(backward ? kImages - 1 - i : i);
         });
}

void measure(int kernel, int rounds) {
  const Depthwise shape{kChannels, kernel, 1, 1};
  const int pad = (kernel - 1) / 2;
  const std::ptrdiff_t row = (kSide + 2 * pad) * kChannels;
  Floats z(static_cast<std::size_t>(row) * (kSide + 2 * pad)), taps(static_cast<std::size_t>(kernel * kernel * kChannels)), d(kImage), again(kImage);
  for (std::size_t i = 0; i < z.size(); ++i) z[i] = std::sin(static_cast<float>(i));
  for (std::size_t i = 0; i < taps.size(); ++i) taps[i] = std::cos(static_cast<float>(i));
  const Pixels pixels{kSide, kSide, kSide * kChannels, kChannels};
  const auto compute = [&](float* to) { depthwise_rows(shape, z.data(), row, taps.data(), to, pixels, 0, kSide, false); };
  compute(d.data());
  std::vector<float> kept(kImage * kImages);
  std::vector<std::uint16_t> halves(kImage * kImages);
  std::vector<double> recompute, keep, half;
  for (int round = 0; round < rounds + 1; ++round) {
    const double computed = microseconds([&](std::size_t) { compute(again.data()); }, true);
    const double whole = microseconds([&](std::size_t i) { std::memcpy(&kept[i * kImage], d.data(), kImage * sizeof(float)); }, false) +
                         microseconds([&](std::size_t i) { std::memcpy(again.data(), &kept[i * kImage], kImage * sizeof(float)); }, true);
    const double halved = microseconds([&](std::size_t i) { to_half(d.data(), &halves[i * kImage]); }, false) +
                          microseconds([&](std::size_t i) { from_half(&halves[i * kImage], again.data()); }, true);
    if (round > 0) recompute.push_back(computed), keep.push_back(whole), half.push_back(halved);   // the first one takes memory from the system
  }
  double largest = 0, off = 0;
  for (std::size_t i = 0; i < kImage; ++i) largest = std::max<double>(largest, std::abs(d[i])), off = std::max<double>(off, std::abs(d[i] - again[i]));
  report("keep_rates", {{"kernel", kernel}, {"compute_again_us", spread(recompute)}, {"keep_us", spread(keep)}, {"keep_bfloat16_us", spread(half)},
                        {"bfloat16_relative_error", off / largest}, {"kept_mb_of_16_images", 16 * 4e-6 * kImage}, {"kept_mb_bfloat16", 16 * 2e-6 * kImage}});
}

}  // namespace
}  // namespace netwright::bench

int main(int count, char** words) {
  return netwright::bench::guarded("keep_rates", [&] {
    const int rounds = count > 1 ? std::stoi(words[1]) : 9;
    for (const int kernel : {3, 5}) netwright::bench::measure(kernel, rounds);
  });
}
