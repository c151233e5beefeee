// Blocks of 64 pixels stay in the first-level cache while all values are added to them.
#include "netwright/kernels/sums.hpp"

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
        for (std::ptrdiff_t p = first; p < last; ++p) {
          float* place = to + p * channels + c;
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

void products_target(const float* g, const float* value, const float* mean, std::ptrdiff_t pixels, int channels, double* sum, double* product) {
  const Tag d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (std::ptrdiff_t first = 0; first < pixels; first += kBlock)
    for (int c = 0; c < channels; c += lanes) {
      const int left = channels - c;
      const std::ptrdiff_t last = std::min(first + kBlock, pixels);
      const Vector m = hn::LoadU(d, mean + c);
      Vector sums[2] = {hn::Zero(d), hn::Zero(d)}, products[2] = {hn::Zero(d), hn::Zero(d)};
      std::ptrdiff_t p = first;
      for (; p + 2 <= last; p += 2)
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
          const Vector gradient = load_upto(g + (p + i) * channels + c, left, lanes);
          sums[i] = hn::Add(sums[i], gradient);
          products[i] = hn::MulAdd(gradient, hn::Sub(load_upto(value + (p + i) * channels + c, left, lanes), m), products[i]);
        }
      if (p < last) {
        const Vector gradient = load_upto(g + p * channels + c, left, lanes);
        sums[0] = hn::Add(sums[0], gradient);
        products[0] = hn::MulAdd(gradient, hn::Sub(load_upto(value + p * channels + c, left, lanes), m), products[0]);
      }
      add_to(sum + c, hn::Add(sums[0], sums[1]), lanes);
      add_to(product + c, hn::Add(products[0], products[1]), lanes);
    }
}

void affine_target(const float* g, const float* value, const Affine& by, std::ptrdiff_t pixels, int channels, float* to) {
  const Tag d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (std::ptrdiff_t first = 0; first < pixels; first += kBlock)
    for (int c = 0; c < channels; c += lanes) {
      const int left = channels - c;
      const std::ptrdiff_t last = std::min(first + kBlock, pixels);
      const Vector a = hn::LoadU(d, by.a + c), b = hn::LoadU(d, by.b + c), mean = hn::LoadU(d, by.mean + c), constant = hn::LoadU(d, by.constant + c);
      for (std::ptrdiff_t p = first; p < last; ++p) {
        const std::ptrdiff_t at = p * channels + c;
        const Vector off = hn::Sub(load_upto(value + at, left, lanes), mean);
        store_upto(hn::MulAdd(a, load_upto(g + at, left, lanes), hn::MulAdd(b, off, constant)), to + at, left, lanes);
      }
    }
}

}  // namespace netwright::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netwright {
HWY_EXPORT(values_target);
HWY_EXPORT(add_target);
HWY_EXPORT(products_target);
HWY_EXPORT(affine_target);

void sum_values(const std::vector<const float*>& values, const std::vector<const float*>& factors, const float* constant, std::ptrdiff_t pixels, int channels,
                float* to) {
  HWY_DYNAMIC_DISPATCH(values_target)(values, factors, constant, pixels, channels, to);
}

void add_values(const float* from, std::size_t count, float* to) { HWY_DYNAMIC_DISPATCH(add_target)(from, count, to); }

void sum_products(const float* g, const float* value, const float* mean, std::ptrdiff_t pixels, int channels, double* sum, double* product) {
  HWY_DYNAMIC_DISPATCH(products_target)(g, value, mean, pixels, channels, sum, product);
}

void affine_gradient(const float* g, const float* value, const Affine& by, std::ptrdiff_t pixels, int channels, float* to) {
  HWY_DYNAMIC_DISPATCH(affine_target)(g, value, by, pixels, channels, to);
}
}  // namespace netwright
#endif
