// One scan serves both poolings and their gradients, one row of windows and one vector of channels at a time. A window is three rows, then three
// columns: what a column of three gives is computed once for the windows that it lies in. Backward goes the other way: the largest of
// each three neighbours in a row (kept for three rows), the row that a window's gradient goes to, and with all windows of a row done, the column.
#include "netwright/kernels/window.hpp"

#include <algorithm>
#include <cstddef>

#include "netwright/kernels/floats.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "netwright/kernels/window.cpp"
#include <hwy/foreach_target.h>
// (after foreach_target)
#include "netwright/kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace netwright::HWY_NAMESPACE {

// Not a number is larger than all numbers.
template <bool Largest>
HWY_INLINE Vector joined(Vector all, Vector value) {
  if constexpr (Largest) return hn::IfThenElse(hn::Or(hn::Gt(value, all), hn::IsNaN(value)), value, all);
  else return hn::Add(all, value);
}

// The rows of the image that windows of output row r cover.
struct Rows {
  int first, last;
  Rows(const PoolShape& s, int r) : first(std::max(s.stride * r - 1, 0)), last(std::min(s.stride * r + 2, s.height)) {}
  int count() const { return last - first; }
};

// One over the pixels of a window at column q; `inner` where it has three columns.
HWY_INLINE Vector share_at(const PoolShape& s, int q, int rows, Vector inner) {
  const int columns = std::min(q + 2, s.width) - std::max(q - 1, 0);
  return columns == 3 ? inner : hn::Set(Tag(), 1.0f / static_cast<float>(columns * rows));
}

template <bool Largest, bool Whole>
HWY_INLINE Vector column(const float* in, std::ptrdiff_t row, int rows, int left) {
  Vector all = load_part<Whole>(in, left);
  for (int r = 1; r < rows; ++r) all = joined<Largest>(all, load_part<Whole>(in + r * row, left));
  return all;
}

// Windows of one row, of which `in` is the first row; `left` channels.
template <bool Largest, bool Whole>
HWY_INLINE void forward_row(const PoolShape& s, const float* HWY_RESTRICT in, int rows, int left, float* HWY_RESTRICT to) {
  const Tag d;
  const std::ptrdiff_t pixel = s.channels, row = pixel * s.width;
  const Vector none = hn::Zero(d), inner = hn::Set(d, 1.0f / static_cast<float>(3 * rows));
  Vector at = column<Largest, Whole>(in, row, rows, left), before = Largest ? at : none;
  for (int q = 0; q < s.width; q += s.stride, to += pixel) {
    const Vector after = q + 1 < s.width ? column<Largest, Whole>(in + (q + 1) * pixel, row, rows, left) : Largest ? at : none;
    Vector all = joined<Largest>(joined<Largest>(before, at), after);
    if constexpr (!Largest) all = hn::Mul(all, share_at(s, q, rows, inner));
    store_part<Whole>(all, to, left);
    if (s.stride == 1) before = at, at = after;
    else if (q + 2 < s.width) before = after, at = column<Largest, Whole>(in + (q + 2) * pixel, row, rows, left);
  }
}

template <bool Largest>
void forward(const PoolShape& s, const float* x, float* y) {
  const int lanes = static_cast<int>(hn::Lanes(Tag()));
  const std::ptrdiff_t pixel = s.channels, row = pixel * s.width;
  for (int r = 0; r < s.out_height(); ++r, y += pixel * s.out_width()) {
    const Rows rows(s, r);
    for (int c = 0; c < s.channels; c += lanes) {
      const float* in = x + rows.first * row + c;
      const int left = s.channels - c;
      if (left >= lanes) forward_row<Largest, true>(s, in, rows.count(), left, y + c);
      else forward_row<Largest, false>(s, in, rows.count(), left, y + c);
    }
  }
}

// What is kept for three rows of the image, vector after vector, one element a window: the largest of the window's part of that row, and the gradient of
// that part.
struct Kept {
  float *largest, *gradient;
  std::ptrdiff_t row, width;                // floats a row, windows a row
  float* largest_of(int r, int c) const { return largest + r % 3 * row + c * width; }
  float* gradient_of(int r, int c) const { return gradient + r % 3 * row + c * width; }
};

// All below work on the channels of one vector, from c on. `x` and `gx` begin with the image, `g` with the windows.
template <bool Largest, bool Whole>
HWY_INLINE void begin_row(const PoolShape& s, const float* x, int r, int c, const Kept& kept) {
  const Tag d;
  const int left = s.channels - c;
  const std::ptrdiff_t pixel = s.channels, lanes = hn::Lanes(d);
  const float* HWY_RESTRICT in = x + r * s.width * pixel + c;
  float *HWY_RESTRICT largest = kept.largest_of(r, c), *HWY_RESTRICT gradient = kept.gradient_of(r, c);
  for (int q = 0; q < s.width; q += s.stride, largest += lanes, gradient += lanes) {
    hn::StoreU(hn::Zero(d), d, gradient);
    if constexpr (!Largest) continue;
    Vector all = load_part<Whole>(in + q * pixel, left);
    if (q > 0) all = joined<true>(all, load_part<Whole>(in + (q - 1) * pixel, left));
    if (q + 1 < s.width) all = joined<true>(all, load_part<Whole>(in + (q + 1) * pixel, left));
    hn::StoreU(all, d, largest);
  }
}

// The first of several that is not smaller than the largest has all that is left; or each has it.
template <bool Largest>
HWY_INLINE Vector share_of(Vector value, Vector largest, Vector& rest) {
  if constexpr (!Largest) return rest;
  const auto smaller = hn::Lt(value, largest);
  const Vector share = hn::IfThenZeroElse(smaller, rest);
  rest = hn::IfThenElseZero(smaller, rest);
  return share;
}

// The gradients of windows of output row r, which cover Count rows of the image, to these.
template <bool Largest, bool Whole, int Count>
HWY_INLINE void choose_row(const PoolShape& s, const float* g, int r, int c, const Kept& kept) {
  const Tag d;
  const int first = Rows(s, r).first;
  const std::ptrdiff_t lanes = hn::Lanes(d);
  const float* HWY_RESTRICT from = g + r * kept.width * s.channels + c;
  const Vector inner = hn::Set(d, 1.0f / static_cast<float>(3 * Count));
  float *largest[Count], *gradient[Count];
  for (int i = 0; i < Count; ++i) largest[i] = kept.largest_of(first + i, c), gradient[i] = kept.gradient_of(first + i, c);
  std::ptrdiff_t place = 0;
  for (int q = 0; q < s.width; q += s.stride, from += s.channels, place += lanes) {
    Vector rest = load_part<Whole>(from, s.channels - c), most = hn::Zero(d), values[Count];
    if constexpr (!Largest) rest = hn::Mul(rest, share_at(s, q, Count, inner));
#pragma GCC unroll 3
    for (int i = 0; i < Count; ++i) values[i] = Largest ? hn::LoadU(d, largest[i] + place) : most;
    if constexpr (Largest) most = values[0];
#pragma GCC unroll 3
    for (int i = 1; i < Count && Largest; ++i) most = joined<true>(most, values[i]);
#pragma GCC unroll 3
    for (int i = 0; i < Count; ++i) hn::StoreU(hn::Add(hn::LoadU(d, gradient[i] + place), share_of<Largest>(values[i], most, rest)), d, gradient[i] + place);
  }
}

template <bool Largest, bool Whole>
HWY_INLINE void choose_rows(const PoolShape& s, const float* g, int r, int c, const Kept& kept) {
  const int count = Rows(s, r).count();
  if (count == 3) choose_row<Largest, Whole, 3>(s, g, r, c, kept);
  else if (count == 2) choose_row<Largest, Whole, 2>(s, g, r, c, kept);
  else choose_row<Largest, Whole, 1>(s, g, r, c, kept);
}

// The gradients of row r of the image, to its pixels: those of a pixel wait in registers until no window is left that covers it.
template <bool Largest, bool Whole>
HWY_INLINE void end_row(const PoolShape& s, const float* x, int r, int c, const Kept& kept, float* gx) {
  const Tag d;
  const int left = s.channels - c;
  const std::ptrdiff_t pixel = s.channels, lanes = hn::Lanes(d), start = r * s.width * pixel + c;
  const float *HWY_RESTRICT largest = kept.largest_of(r, c), *HWY_RESTRICT gradient = kept.gradient_of(r, c), *HWY_RESTRICT in = x + start;
  float* HWY_RESTRICT to = gx + start;
  Vector before = hn::Zero(d), here = before;
  int q = 0;
  for (; q < s.width; q += s.stride, largest += lanes, gradient += lanes, in += s.stride * pixel, to += s.stride * pixel) {
    Vector rest = hn::LoadU(d, gradient), after = hn::Zero(d);
    const Vector most = Largest ? hn::LoadU(d, largest) : rest;
    if (q > 0) {
      before = hn::Add(before, share_of<Largest>(Largest ? load_part<Whole>(in - pixel, left) : most, most, rest));
      store_part<Whole>(hn::Add(load_part<Whole>(to - pixel, left), before), to - pixel, left);
    }
    here = hn::Add(here, share_of<Largest>(Largest ? load_part<Whole>(in, left) : most, most, rest));
    if (q + 1 < s.width) after = share_of<Largest>(Largest ? load_part<Whole>(in + pixel, left) : most, most, rest);
    if (s.stride == 1) {
      before = here, here = after;
    } else {
      store_part<Whole>(hn::Add(load_part<Whole>(to, left), here), to, left);
      before = after, here = hn::Zero(d);
    }
  }
  if (q - 1 < s.width) store_part<Whole>(hn::Add(load_part<Whole>(to - pixel, left), before), to - pixel, left);
}

template <bool Largest>
void backward(const PoolShape& s, const float* x, const float* g, float* gx) {
  const int lanes = static_cast<int>(hn::Lanes(Tag())), whole = s.channels / lanes * lanes;
  const std::ptrdiff_t row = std::ptrdiff_t{s.out_width()} * (whole + lanes);
  Scratch scratch(static_cast<std::size_t>(6 * row));
  const Kept kept{scratch.data(), scratch.data() + 3 * row, row, s.out_width()};
  int begun = 0, ended = 0;
  const auto end_before = [&](int last) {
    for (; ended < last; ++ended) {
      for (int c = 0; c < whole; c += lanes) end_row<Largest, true>(s, x, ended, c, kept, gx);
      if (whole < s.channels) end_row<Largest, false>(s, x, ended, whole, kept, gx);
    }
  };
  for (int r = 0; r < s.out_height(); ++r) {
    const Rows rows(s, r);
    end_before(rows.first);
    for (; begun < rows.last; ++begun) {
      for (int c = 0; c < whole; c += lanes) begin_row<Largest, true>(s, x, begun, c, kept);
      if (whole < s.channels) begin_row<Largest, false>(s, x, begun, whole, kept);
    }
    for (int c = 0; c < whole; c += lanes) choose_rows<Largest, true>(s, g, r, c, kept);
    if (whole < s.channels) choose_rows<Largest, false>(s, g, r, whole, kept);
  }
  end_before(begun);
}

void pool_target(const PoolShape& s, const float* x, float* y) { s.largest ? forward<true>(s, x, y) : forward<false>(s, x, y); }

// A mean does not read x.
void pool_gradient_target(const PoolShape& s, const float* x, const float* g, float* gx) { s.largest ? backward<true>(s, x, g, gx) : backward<false>(s, gx, g, gx); }

}  // namespace netwright::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netwright {
HWY_EXPORT(pool_target);
HWY_EXPORT(pool_gradient_target);

void pool_image(const PoolShape& shape, const float* x, float* y) { HWY_DYNAMIC_DISPATCH(pool_target)(shape, x, y); }

void pool_image_gradient(const PoolShape& shape, const float* x, const float* g, float* gx) { HWY_DYNAMIC_DISPATCH(pool_gradient_target)(shape, x, g, gx); }
}  // namespace netwright
#endif
