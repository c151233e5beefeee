// All loops run row by row, for one vector of channels after another: the vectors that share a line of the cache find it there. The last vector of a
// pixel is masked where the tensor's channels are no multiple of it. Sums run over a row in float and over rows in double.
#include "netwright/kernels/image.hpp"

#include <algorithm>
#include <array>

#include "netwright/kernels/gemm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "netwright/kernels/image.cpp"
#include <hwy/foreach_target.h>
// (after foreach_target)
#include "netwright/kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace netwright::HWY_NAMESPACE {

template <bool Whole>
HWY_INLINE void load_row(const float* HWY_RESTRICT from, std::ptrdiff_t column, int width, int left, Vector scale, Vector shift, Vector least,
                         float* HWY_RESTRICT to, std::ptrdiff_t to_column) {
  for (int q = 0; q < width; ++q, from += column, to += to_column) hn::StoreU(hn::Max(least, hn::MulAdd(load_part<Whole>(from, left), scale, shift)), Tag(), to);
}

void load_target(const float* from, const Pixels& f, int channels, const Load& load, float* to, const Pixels& t) {
  const Tag d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const Vector zero = hn::Zero(d), least = load.rectify ? zero : hn::Set(d, -HUGE_VALF);
  for (int r = 0; r < t.height; ++r)
    for (int c = 0; c < channels; c += lanes) {
      const int left = channels - c;
      const Vector scale = load.scale ? hn::LoadU(d, load.scale + c) : hn::Set(d, 1.0f), shift = load.scale ? hn::LoadU(d, load.shift + c) : zero;
      const float* in = from + r * f.row + c;
      float* out = to + r * t.row + c;
      if (left >= lanes) load_row<true>(in, f.column, t.width, left, scale, shift, least, out, t.column);
      else load_row<false>(in, f.column, t.width, left, scale, shift, least, out, t.column);
    }
}

void store_target(const float* from, const Pixels& f, int channels, float* to, const Pixels& t) {
  const Tag d;
  const int lanes = static_cast<int>(hn::Lanes(d)), whole = channels / lanes * lanes;
  for (int r = 0; r < t.height; ++r)
    for (int q = 0; q < t.width; ++q) {
      const float* in = from + r * f.row + q * f.column;
      float* out = to + r * t.row + q * t.column;
      for (int c = 0; c < whole; c += lanes) hn::StoreU(hn::LoadU(d, in + c), d, out + c);
      if (whole < channels) store_part<false>(hn::LoadU(d, in + whole), out + whole, channels - whole);
    }
}

struct GradientRow {
  const float *from, *z;
  float* to;
  std::ptrdiff_t from_column, z_column, to_column;
  int width, left;
};

template <bool Rectified, bool Summed, bool Whole>
HWY_INLINE void gradient_row(const GradientRow& row, const float* x, Vector mean, Vector& sum, Vector& product) {
  const Tag d;
  const float *HWY_RESTRICT from = row.from, *HWY_RESTRICT z = row.z;
  float* HWY_RESTRICT to = row.to;
  for (int q = 0; q < row.width; ++q) {
    Vector g = hn::LoadU(d, from + q * row.from_column);
    if constexpr (Rectified) g = hn::IfThenElseZero(hn::Gt(hn::LoadU(d, z + q * row.z_column), hn::Zero(d)), g);
    if constexpr (Summed) {
      sum = hn::Add(sum, g);
      product = hn::MulAdd(g, hn::Sub(load_part<Whole>(x + q * row.to_column, row.left), mean), product);
    }
    store_part<Whole>(g, to + q * row.to_column, row.left);
  }
}

template <bool Rectified, bool Summed>
HWY_INLINE void gradient_rows(const float* from, const Pixels& f, const float* z, const Pixels& zp, int channels, float* to, const Pixels& t,
                              const GradientSums* sums) {
  const Tag d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int r = 0; r < f.height; ++r)
    for (int c = 0; c < channels; c += lanes) {
      const GradientRow row{from + r * f.row + c, Rectified ? z + r * zp.row + c : z, to + r * t.row + c, f.column, zp.column, t.column, f.width, channels - c};
      Vector sum = hn::Zero(d), product = hn::Zero(d);
      const Vector mean = Summed ? hn::LoadU(d, sums->mean + c) : sum;
      const float* x = Summed ? sums->x + r * t.row + c : nullptr;
      if (row.left >= lanes) gradient_row<Rectified, Summed, true>(row, x, mean, sum, product);
      else gradient_row<Rectified, Summed, false>(row, x, mean, sum, product);
      if constexpr (Summed) {
        add_to(sums->sum + c, sum, lanes);
        add_to(sums->product + c, product, lanes);
      }
    }
}

void gradient_target(const float* from, const Pixels& f, const float* z, const Pixels& zp, int channels, float* to, const Pixels& t,
                     const GradientSums* sums) {
  if (z != nullptr && sums != nullptr) return gradient_rows<true, true>(from, f, z, zp, channels, to, t, sums);
  if (z != nullptr) return gradient_rows<true, false>(from, f, z, zp, channels, to, t, sums);
  if (sums != nullptr) return gradient_rows<false, true>(from, f, z, zp, channels, to, t, sums);
  gradient_rows<false, false>(from, f, z, zp, channels, to, t, sums);
}

// The mean of one block of pixels, then the squared deviations from it; both in four sums.
template <bool Whole>
HWY_INLINE void block(const float* HWY_RESTRICT values, int pixels, std::ptrdiff_t pixel, int left, float* mean, float* squares) {
  const Tag d;
  const Vector share = hn::Set(d, 1.0f / static_cast<float>(pixels));
  Vector sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  int q = 0;
  for (; q + 4 <= pixels; q += 4)
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sums[i] = hn::Add(sums[i], load_part<Whole>(values + (q + i) * pixel, left));
  for (; q < pixels; ++q) sums[0] = hn::Add(sums[0], load_part<Whole>(values + q * pixel, left));
  const Vector m = hn::Mul(hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3])), share);
  for (auto& sum : sums) sum = hn::Zero(d);
  for (q = 0; q + 4 <= pixels; q += 4)
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const Vector off = hn::Sub(load_part<Whole>(values + (q + i) * pixel, left), m);
      sums[i] = hn::MulAdd(off, off, sums[i]);
    }
  for (; q < pixels; ++q) {
    const Vector off = hn::Sub(load_part<Whole>(values + q * pixel, left), m);
    sums[0] = hn::MulAdd(off, off, sums[0]);
  }
  hn::StoreU(m, d, mean);
  hn::StoreU(hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3])), d, squares);
}

void block_target(const float* values, int pixels, std::ptrdiff_t pixel, int channels, float* mean, float* squares) {
  const int lanes = static_cast<int>(hn::Lanes(Tag()));
  for (int c = 0; c < channels; c += lanes)
    if (c + lanes <= channels) block<true>(values + c, pixels, pixel, lanes, mean + c, squares + c);
    else block<false>(values + c, pixels, pixel, channels - c, mean + c, squares + c);
}

}  // namespace netwright::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netwright {
HWY_EXPORT(load_target);
HWY_EXPORT(store_target);
HWY_EXPORT(gradient_target);
HWY_EXPORT(block_target);

void load_pixels(const float* from, const Pixels& f, int channels, const Load& load, float* to, const Pixels& t) {
  HWY_DYNAMIC_DISPATCH(load_target)(from, f, channels, load, to, t);
}

void store_pixels(const float* from, const Pixels& f, int channels, float* to, const Pixels& t) {
  HWY_DYNAMIC_DISPATCH(store_target)(from, f, channels, to, t);
}

void store_gradient(const float* from, const Pixels& f, const float* z, const Pixels& zp, int channels, float* to, const Pixels& t,
                    const GradientSums* sums) {
  HWY_DYNAMIC_DISPATCH(gradient_target)(from, f, z, zp, channels, to, t, sums);
}

namespace {

template <class Number>
void add_to_moments(double other_count, const Number* other_mean, const Number* other_squares, Moments& moments) {
  const double all = moments.count + other_count, share = other_count / all;
  for (std::size_t c = 0; c < moments.mean.size(); ++c) {
    const double apart = static_cast<double>(other_mean[c]) - moments.mean[c];
    moments.mean[c] += apart * share;
    moments.squares[c] += static_cast<double>(other_squares[c]) + apart * apart * moments.count * share;
  }
  moments.count = all;
}

}  // namespace

void Moments::add(const Moments& other) { add_to_moments(other.count, other.mean.data(), other.squares.data(), *this); }

void add_moments_packed(const float* values, int pixels, int channels, Moments& moments) {
  constexpr int block = 256;
  // A few rows of an image are added at a time: too little for a visit to the heap.
  std::array<float, 512> few;
  std::vector<float> many;
  const auto size = static_cast<std::size_t>(padded_channels(channels));
  if (2 * size > few.size()) many.resize(2 * size);
  float *mean = many.empty() ? few.data() : many.data(), *squares = mean + size;
  for (int first = 0; first < pixels; first += block) {
    const int count = std::min(block, pixels - first);
    HWY_DYNAMIC_DISPATCH(block_target)(values + std::ptrdiff_t{first} * channels, count, channels, channels, mean, squares);
    add_to_moments(count, mean, squares, moments);
  }
}
}  // namespace netwright
#endif
