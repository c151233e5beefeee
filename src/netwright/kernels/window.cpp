// One scan serves both poolings and their gradients: output pixel after output pixel, one vector of channels at a time, over the part of its
// window that lies in the image. An image of a search network (64 KB) and its gradient stay in the second-level cache.
#include "netwright/kernels/window.hpp"

#include <algorithm>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "netwright/kernels/window.cpp"
#include <hwy/foreach_target.h>
// (after foreach_target)
#include "netwright/kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace netwright::HWY_NAMESPACE {

// The part of a window that lies in the image; `start` is the place of its first pixel.
struct Part {
  int rows, columns;
  std::ptrdiff_t start, row, pixel;

  float share() const { return 1.0f / static_cast<float>(rows * columns); }
};

// visit(part, place of the output pixel)
template <class Visit>
HWY_INLINE void scan(const PoolShape& s, const Visit& visit) {
  const std::ptrdiff_t pixel = s.channels, row = pixel * s.width;
  std::ptrdiff_t place = 0;
  for (int r = 0; r < s.height; r += s.stride)
    for (int q = 0; q < s.width; q += s.stride, place += pixel) {
      const int top = std::max(r - 1, 0), left = std::max(q - 1, 0);
      visit(Part{std::min(r + 2, s.height) - top, std::min(q + 2, s.width) - left, top * row + left * pixel, row, pixel}, place);
    }
}

template <bool Largest>
HWY_INLINE void forward(const PoolShape& s, const float* x, float* y) {
  const Tag d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  scan(s, [&](const Part& part, std::ptrdiff_t place) {
    for (int c = 0; c < s.channels; c += lanes) {
      const int left = s.channels - c;
      const float* in = x + part.start + c;
      Vector all = Largest ? load_upto(in, left, lanes) : hn::Zero(d);
      for (int r = 0; r < part.rows; ++r)
        for (int q = 0; q < part.columns; ++q) {
          const Vector value = load_upto(in + r * part.row + q * part.pixel, left, lanes);
          if constexpr (Largest) all = hn::IfThenElse(hn::Or(hn::Gt(value, all), hn::IsNaN(value)), value, all);
          else all = hn::Add(all, value);
        }
      if constexpr (!Largest) all = hn::Mul(all, hn::Set(d, part.share()));
      store_upto(all, y + place + c, left, lanes);
    }
  });
}

// What is left of the window's gradient goes to the first pixel that is not smaller than the largest; then nothing is left.
template <bool Largest>
HWY_INLINE void backward(const PoolShape& s, const float* x, const float* y, const float* g, float* gx) {
  const Tag d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  scan(s, [&](const Part& part, std::ptrdiff_t place) {
    for (int c = 0; c < s.channels; c += lanes) {
      const int left = s.channels - c;
      const std::ptrdiff_t start = part.start + c;
      Vector rest = load_upto(g + place + c, left, lanes), largest = hn::Zero(d);
      if constexpr (Largest) largest = load_upto(y + place + c, left, lanes);
      else rest = hn::Mul(rest, hn::Set(d, part.share()));
      for (int r = 0; r < part.rows; ++r)
        for (int q = 0; q < part.columns; ++q) {
          const std::ptrdiff_t at = start + r * part.row + q * part.pixel;
          Vector share = rest;
          if constexpr (Largest) {
            const auto smaller = hn::Lt(load_upto(x + at, left, lanes), largest);
            share = hn::IfThenZeroElse(smaller, rest);
            rest = hn::IfThenElseZero(smaller, rest);
          }
          store_upto(hn::Add(load_upto(gx + at, left, lanes), share), gx + at, left, lanes);
        }
    }
  });
}

void pool_target(const PoolShape& s, const float* x, float* y) { s.largest ? forward<true>(s, x, y) : forward<false>(s, x, y); }

void pool_gradient_target(const PoolShape& s, const float* x, const float* y, const float* g, float* gx) {
  s.largest ? backward<true>(s, x, y, g, gx) : backward<false>(s, x, y, g, gx);
}

}  // namespace netwright::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netwright {
HWY_EXPORT(pool_target);
HWY_EXPORT(pool_gradient_target);

void pool_image(const PoolShape& shape, const float* x, float* y) { HWY_DYNAMIC_DISPATCH(pool_target)(shape, x, y); }

void pool_image_gradient(const PoolShape& shape, const float* x, const float* y, const float* g, float* gx) {
  HWY_DYNAMIC_DISPATCH(pool_gradient_target)(shape, x, y, g, gx);
}
}  // namespace netwright
#endif
