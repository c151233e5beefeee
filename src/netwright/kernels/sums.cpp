// Blocks of 64 pixels stay in the first-level cache while all values are added to them.
#include "netwright/kernels/sums.hpp"

#include <hwy/cache_control.h>

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "netwright/kernels/sums.cpp"
#include <hwy/foreach_target.h>
// (after foreach_target)
#include "netwright/kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace netwright::HWY_NAMESPACE {

constexpr std::ptrdiff_t kBlock = 64;

void values_target(const std::vector<const float*>& values, const std::vector<const float*>& factors, const float* constant, std::ptrdiff_t pixels,
                   int channels, float* to) {
  const Tag d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (std::ptrdiff_t first = 0; first < pixels; first += kBlock)
    for (int c = 0; c < channels; c += lanes) {
      const int left = channels - c;
      const std::ptrdiff_t last = std::min(first + kBlock, pixels);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const Vector factor = hn::LoadU(d, factors[i] + c), start = hn::LoadU(d, constant + c);
        const float* next = i + 1 < values.size() ? values[i + 1] : values[0] + kBlock * channels;
        for (std::ptrdiff_t p = first; p < last; ++p) {
          float* place = to + p * channels + c;
          hwy::Prefetch(next + p * channels + c);
          const Vector before = i == 0 ? start : load_upto(place, left, lanes);
          store_upto(hn::MulAdd(factor, load_upto(values[i] + p * channels + c, left, lanes), before), place, left, lanes);
        }
      }
    }
}

void add_target(const float* HWY_RESTRICT from, std::size_t count, float* HWY_RESTRICT to) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, from + i)), d, to + i);
  for (; i < count; ++i) to[i] += from[i];
}

void slice_target(const float* HWY_RESTRICT from, std::ptrdiff_t column, std::ptrdiff_t pixels, int channels, float* HWY_RESTRICT to) {
  const int lanes = static_cast<int>(hn::Lanes(Tag()));
  for (std::ptrdiff_t p = 0; p < pixels; ++p)
    for (int c = 0; c < channels; c += lanes) {
      float* place = to + p * channels + c;
      store_upto(hn::Add(load_upto(place, channels - c, lanes), load_upto(from + p * column + c, channels - c, lanes)), place, channels - c, lanes);
    }
}

HWY_INLINE void add_sum(const float* HWY_RESTRICT g, std::ptrdiff_t pixels, int channels, int left, int lanes, double* sum) {
  const Tag d;
  Vector sums[2] = {hn::Zero(d), hn::Zero(d)};
  std::ptrdiff_t p = 0;
  for (; p + 2 <= pixels; p += 2)
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) sums[i] = hn::Add(sums[i], load_upto(g + (p + i) * channels, left, lanes));
  if (p < pixels) sums[0] = hn::Add(sums[0], load_upto(g + p * channels, left, lanes));
  add_to(sum, hn::Add(sums[0], sums[1]), lanes);
}

HWY_INLINE void add_product(const float* HWY_RESTRICT g, const float* HWY_RESTRICT value, const float* mean, std::ptrdiff_t pixels, int channels, int left, int lanes,
                            double* product, const float* next) {
  const Tag d;
  const Vector m = hn::LoadU(d, mean);
  Vector sums[2] = {hn::Zero(d), hn::Zero(d)};
  std::ptrdiff_t p = 0;
  for (; p + 2 <= pixels; p += 2)
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      hwy::Prefetch(next + (p + i) * channels);
      const Vector off = hn::Sub(load_upto(value + (p + i) * channels, left, lanes), m);
      sums[i] = hn::MulAdd(load_upto(g + (p + i) * channels, left, lanes), off, sums[i]);
    }
  if (p < pixels) sums[0] = hn::MulAdd(load_upto(g + p * channels, left, lanes), hn::Sub(load_upto(value + p * channels, left, lanes), m), sums[0]);
  add_to(product, hn::Add(sums[0], sums[1]), lanes);
}

void products_target(const float* g, const std::vector<Factor>& factors, std::ptrdiff_t pixels, int channels, double* sum) {
  const int lanes = static_cast<int>(hn::Lanes(Tag()));
  for (std::ptrdiff_t first = 0; first < pixels; first += kBlock) {
    const std::ptrdiff_t count = std::min(kBlock, pixels - first);
    for (int c = 0; c < channels; c += lanes) {
      const std::ptrdiff_t place = first * channels + c;
      add_sum(g + place, count, channels, channels - c, lanes, sum + c);
      for (std::size_t i = 0; i < factors.size(); ++i) {
        const Factor& f = factors[i];
        const float* next = i + 1 < factors.size() ? factors[i + 1].value + place : factors[0].value + place + kBlock * channels;
        add_product(g + place, f.value + place, f.mean + c, count, channels, channels - c, lanes, f.product + c, next);
      }
    }
  }
}

template <bool Off, bool Add>
HWY_INLINE void affine(const float* g, const float* value, const Affine& by, std::ptrdiff_t pixels, int channels, float* to) {
  const Tag d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (std::ptrdiff_t first = 0; first < pixels; first += kBlock)
    for (int c = 0; c < channels; c += lanes) {
      const int left = channels - c;
      const std::ptrdiff_t last = std::min(first + kBlock, pixels);
      const Vector a = hn::LoadU(d, by.a + c), zero = hn::Zero(d);
      const Vector b = Off ? hn::LoadU(d, by.b + c) : zero, mean = Off ? hn::LoadU(d, by.mean + c) : zero, constant = Off ? hn::LoadU(d, by.constant + c) : zero;
      for (std::ptrdiff_t p = first; p < last; ++p) {
        const std::ptrdiff_t at = p * channels + c;
        Vector rest = zero;
        if constexpr (Off) rest = hn::MulAdd(b, hn::Sub(load_upto(value + at, left, lanes), mean), constant);
        if constexpr (Add) rest = hn::Add(rest, load_upto(to + at, left, lanes));
        store_upto(hn::MulAdd(a, load_upto(g + at, left, lanes), rest), to + at, left, lanes);
      }
    }
}

void affine_target(const float* g, const float* value, const Affine& by, std::ptrdiff_t pixels, int channels, float* to, bool add) {
  if (by.b != nullptr) add ? affine<true, true>(g, value, by, pixels, channels, to) : affine<true, false>(g, value, by, pixels, channels, to);
  else add ? affine<false, true>(g, value, by, pixels, channels, to) : affine<false, false>(g, value, by, pixels, channels, to);
}

void affine_pixels_target(const float* g, const float* value, const Affine& by, const Pixels& f, int channels, float* to, const Pixels& t) {
  const Tag d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int c = 0; c < channels; c += lanes) {
    const int left = channels - c;
    const Vector a = hn::LoadU(d, by.a + c), b = hn::LoadU(d, by.b + c), mean = hn::LoadU(d, by.mean + c), constant = hn::LoadU(d, by.constant + c);
    for (int r = 0; r < f.height; ++r) {
      const std::ptrdiff_t in = r * f.row + c;
      float* HWY_RESTRICT out = to + r * t.row + c;
      if (left >= lanes)
        for (int q = 0; q < f.width; ++q) {
          const Vector off = hn::Sub(hn::LoadU(d, value + in + q * f.column), mean);
          hn::StoreU(hn::MulAdd(a, hn::LoadU(d, g + in + q * f.column), hn::MulAdd(b, off, constant)), d, out + q * t.column);
        }
      else
        for (int q = 0; q < f.width; ++q) {
          const Vector off = hn::Sub(load_upto(value + in + q * f.column, left, lanes), mean);
          const Vector sum = hn::MulAdd(a, load_upto(g + in + q * f.column, left, lanes), hn::MulAdd(b, off, constant));
          hn::StoreU(hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(left)), sum), d, out + q * t.column);
        }
    }
  }
}

}  // namespace netwright::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netwright {
HWY_EXPORT(values_target);
HWY_EXPORT(add_target);
HWY_EXPORT(slice_target);
HWY_EXPORT(products_target);
HWY_EXPORT(affine_target);
HWY_EXPORT(affine_pixels_target);

void sum_values(const std::vector<const float*>& values, const std::vector<const float*>& factors, const float* constant, std::ptrdiff_t pixels, int channels,
                float* to) {
  HWY_DYNAMIC_DISPATCH(values_target)(values, factors, constant, pixels, channels, to);
}

void add_values(const float* from, std::size_t count, float* to) { HWY_DYNAMIC_DISPATCH(add_target)(from, count, to); }

void add_slice(const float* from, std::ptrdiff_t column, std::ptrdiff_t pixels, int channels, float* to) {
  HWY_DYNAMIC_DISPATCH(slice_target)(from, column, pixels, channels, to);
}

void sum_products(const float* g, const std::vector<Factor>& factors, std::ptrdiff_t pixels, int channels, double* sum) {
  HWY_DYNAMIC_DISPATCH(products_target)(g, factors, pixels, channels, sum);
}

void affine_gradient(const float* g, const float* value, const Affine& by, std::ptrdiff_t pixels, int channels, float* to, bool add) {
  HWY_DYNAMIC_DISPATCH(affine_target)(g, value, by, pixels, channels, to, add);
}

void affine_pixels(const float* g, const float* value, const Affine& by, const Pixels& from, int channels, float* to, const Pixels& at) {
  HWY_DYNAMIC_DISPATCH(affine_pixels_target)(g, value, by, from, channels, to, at);
}
}  // namespace netwright
#endif
