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
constexpr std::size_t kTogether = 4;        // values at a time: registers hold the sums of each

// Some of many values at one block of pixels, and what comes behind them, which is asked for meanwhile.
struct Streams {
  const float *from[kTogether], *next[kTogether];
};

// start(i) is value i at this block, `block` floats before the next one.
template <class Start>
HWY_INLINE Streams streams(const Start& start, std::size_t first, std::size_t count, std::ptrdiff_t block) {
  Streams s;
  for (std::size_t i = 0; i < kTogether; ++i) {
    const std::size_t next = first + kTogether + i;
    s.from[i] = start(std::min(first + i, count - 1));
    s.next[i] = next < count ? start(next) : start(std::min(i, count - 1)) + block;
  }
  return s;
}

// Calls `run` with how many values there are, at most kTogether, as a constant.
template <class Run>
HWY_INLINE void with_count(std::size_t count, const Run& run) {
  if (count >= 4) run.template operator()<4>();
  else if (count == 3) run.template operator()<3>();
  else if (count == 2) run.template operator()<2>();
  else run.template operator()<1>();
}

struct Addition {
  const Streams& s;
  const float* const* factors;
  const float* constant;                    // null: to what is there
  std::ptrdiff_t pixels, channels;
  float* to;
  std::ptrdiff_t column;                    // of `to`

  template <bool Whole, int Count>
  HWY_INLINE void vector(std::ptrdiff_t c) const {
    const Tag d;
    const int left = static_cast<int>(channels - c);
    Vector by[Count];
#pragma GCC unroll 4
    for (int i = 0; i < Count; ++i) by[i] = hn::LoadU(d, factors[i] + c);
    const Vector start = constant != nullptr ? hn::LoadU(d, constant + c) : hn::Zero(d);
    float* place = to + c;
    for (std::ptrdiff_t at = c; at < pixels * channels; at += channels, place += column) {
      Vector sum = constant != nullptr ? start : load_part<Whole>(place, left);
#pragma GCC unroll 4
      for (int i = 0; i < Count; ++i) sum = hn::MulAdd(by[i], load_part<Whole>(s.from[i] + at, left), sum);
#pragma GCC unroll 4
      for (const float* next : s.next) hwy::Prefetch(next + at);
      store_part<Whole>(sum, place, left);
    }
  }

  template <int Count>
  void operator()() const {
    const std::ptrdiff_t lanes = hn::Lanes(Tag()), whole = channels / lanes * lanes;
    for (std::ptrdiff_t c = 0; c < whole; c += lanes) vector<true, Count>(c);
    if (whole < channels) vector<false, Count>(whole);
  }
};

void values_target(const std::vector<const float*>& values, const std::vector<const float*>& factors, const float* constant, std::ptrdiff_t pixels,
                   int channels, float* to, std::ptrdiff_t column) {
  for (std::ptrdiff_t first = 0; first < pixels; first += kBlock)
    for (std::size_t i = 0; i < values.size(); i += kTogether) {
      const std::ptrdiff_t place = first * channels;
      const Streams s = streams([&](std::size_t of) { return values[of] + place; }, i, values.size(), kBlock * channels);
      with_count(values.size() - i, Addition{s, &factors[i], i == 0 ? constant : nullptr, std::min(kBlock, pixels - first), channels, to + first * column, column});
    }
}

void add_target(const float* HWY_RESTRICT from, std::size_t count, float* HWY_RESTRICT to) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, from + i)), d, to + i);
  for (; i < count; ++i) to[i] += from[i];
}

void slice_target(const Slice& slice, std::ptrdiff_t pixels, int channels, float* HWY_RESTRICT to) {
  const Tag d;
  const float* HWY_RESTRICT from = slice.from;
  const int lanes = static_cast<int>(hn::Lanes(d)), whole = channels / lanes * lanes;
  for (std::ptrdiff_t p = 0; p < pixels; ++p, from += slice.column, to += channels) {
    for (int c = 0; c < whole; c += lanes) hn::StoreU(hn::Add(hn::LoadU(d, to + c), hn::LoadU(d, from + c)), d, to + c);
    if (whole < channels) store_part<false>(hn::Add(load_part<false>(to + whole, channels - whole), load_part<false>(from + whole, channels - whole)), to + whole, channels - whole);
  }
}

struct Multiplication {
  const Streams& s;
  const Factor* factors;
  Slice g;
  std::ptrdiff_t pixels, channels;
  double* sum;                              // null: counted by others

  template <bool Whole, int Count, bool Sum>
  HWY_INLINE void vector(std::ptrdiff_t c) const {
    const Tag d;
    const int left = static_cast<int>(channels - c), lanes = static_cast<int>(hn::Lanes(d));
    Vector mean[Count], products[Count][2], sums[2] = {hn::Zero(d), hn::Zero(d)};
#pragma GCC unroll 4
    for (int i = 0; i < Count; ++i) mean[i] = hn::LoadU(d, factors[i].mean + c), products[i][0] = products[i][1] = hn::Zero(d);
    std::ptrdiff_t at = c;
    const std::ptrdiff_t end = pixels * channels;
    const float *from = g.from + c, *next_from = from + kBlock * g.column;
    for (; at + channels < end; at += 2 * channels, from += 2 * g.column, next_from += 2 * g.column)
#pragma GCC unroll 2
      for (int p = 0; p < 2; ++p) {
        const Vector by = load_part<Whole>(from + p * g.column, left);
        if constexpr (Sum) sums[p] = hn::Add(sums[p], by);
#pragma GCC unroll 4
        for (int i = 0; i < Count; ++i) products[i][p] = hn::MulAdd(by, hn::Sub(load_part<Whole>(s.from[i] + at + p * channels, left), mean[i]), products[i][p]);
        if constexpr (Sum) hwy::Prefetch(next_from + p * g.column);
#pragma GCC unroll 4
        for (const float* next : s.next) hwy::Prefetch(next + at + p * channels);
      }
    if (at < end) {
      const Vector by = load_part<Whole>(from, left);
      sums[0] = hn::Add(sums[0], by);
#pragma GCC unroll 4
      for (int i = 0; i < Count; ++i) products[i][0] = hn::MulAdd(by, hn::Sub(load_part<Whole>(s.from[i] + at, left), mean[i]), products[i][0]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < Count; ++i) add_to(factors[i].product + c, hn::Add(products[i][0], products[i][1]), lanes);
    if constexpr (Sum) add_to(sum + c, hn::Add(sums[0], sums[1]), lanes);
  }

  template <int Count>
  void operator()() const {
    const std::ptrdiff_t lanes = hn::Lanes(Tag()), whole = channels / lanes * lanes;
    for (std::ptrdiff_t c = 0; c < whole; c += lanes) sum != nullptr ? vector<true, Count, true>(c) : vector<true, Count, false>(c);
    if (whole < channels) sum != nullptr ? vector<false, Count, true>(whole) : vector<false, Count, false>(whole);
  }
};

void products_target(const Slice& g, const std::vector<Factor>& factors, std::ptrdiff_t pixels, int channels, double* sum) {
  for (std::ptrdiff_t first = 0; first < pixels; first += kBlock)
    for (std::size_t i = 0; i < factors.size(); i += kTogether) {
      const std::ptrdiff_t place = first * channels;
      const Streams s = streams([&](std::size_t of) { return factors[of].value + place; }, i, factors.size(), kBlock * channels);
      with_count(factors.size() - i, Multiplication{s, &factors[i], {g.from + first * g.column, g.column}, std::min(kBlock, pixels - first), channels, i == 0 ? sum : nullptr});
    }
}

struct Numbers {
  Vector a, b, mean, constant;
};

template <bool Off>
HWY_INLINE Numbers numbers_at(const Affine& by, int c) {
  const Tag d;
  const Vector zero = hn::Zero(d);
  return {hn::LoadU(d, by.a + c), Off ? hn::LoadU(d, by.b + c) : zero, Off ? hn::LoadU(d, by.mean + c) : zero, Off ? hn::LoadU(d, by.constant + c) : zero};
}

// `to` may be `g`.
template <bool Off, bool Add, bool Whole>
HWY_INLINE void affine_vector(Slice g, const float* value, const Numbers& by, std::ptrdiff_t end, std::ptrdiff_t channels, int left, float* to) {
  for (std::ptrdiff_t at = 0; at < end; at += channels, g.from += g.column) {
    Vector rest = hn::Zero(Tag());
    if constexpr (Off) rest = hn::MulAdd(by.b, hn::Sub(load_part<Whole>(value + at, left), by.mean), by.constant);
    if constexpr (Add) rest = hn::Add(rest, load_part<Whole>(to + at, left));
    store_part<Whole>(hn::MulAdd(by.a, load_part<Whole>(g.from, left), rest), to + at, left);
  }
}

template <bool Off, bool Add>
HWY_INLINE void affine(const Slice& g, const float* value, const Affine& by, std::ptrdiff_t pixels, int channels, float* to) {
  const int lanes = static_cast<int>(hn::Lanes(Tag()));
  for (std::ptrdiff_t first = 0; first < pixels; first += kBlock)
    for (int c = 0; c < channels; c += lanes) {
      const std::ptrdiff_t place = first * channels + c, end = std::min(kBlock, pixels - first) * channels;
      const float* values = Off ? value + place : nullptr;
      const Slice from{g.from + first * g.column + c, g.column};
      const Numbers numbers = numbers_at<Off>(by, c);
      if (c + lanes <= channels) affine_vector<Off, Add, true>(from, values, numbers, end, channels, lanes, to + place);
      else affine_vector<Off, Add, false>(from, values, numbers, end, channels, channels - c, to + place);
    }
}

void affine_target(const Slice& g, const float* value, const Affine& by, std::ptrdiff_t pixels, int channels, float* to, bool add) {
  if (by.b != nullptr) add ? affine<true, true>(g, value, by, pixels, channels, to) : affine<true, false>(g, value, by, pixels, channels, to);
  else add ? affine<false, true>(g, value, by, pixels, channels, to) : affine<false, false>(g, value, by, pixels, channels, to);
}

template <bool Whole>
HWY_INLINE void affine_row(const float* HWY_RESTRICT g, std::ptrdiff_t column, const float* HWY_RESTRICT value, std::ptrdiff_t channels, int width,
                           const Numbers& by, int left, float* HWY_RESTRICT to, std::ptrdiff_t to_column) {
  const Tag d;
  for (int q = 0; q < width; ++q, g += column, value += channels, to += to_column) {
    Vector sum = hn::MulAdd(by.a, load_part<Whole>(g, left), hn::MulAdd(by.b, hn::Sub(load_part<Whole>(value, left), by.mean), by.constant));
    if constexpr (!Whole) sum = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(left)), sum);
    hn::StoreU(sum, d, to);
  }
}

void affine_pixels_target(const float* g, const Pixels& f, const float* value, const Affine& by, int channels, float* to, const Pixels& t) {
  const int lanes = static_cast<int>(hn::Lanes(Tag()));
  for (int r = 0; r < f.height; ++r)
    for (int c = 0; c < channels; c += lanes) {
      const float *from = g + r * f.row + c, *values = value + std::ptrdiff_t{r} * f.width * channels + c;
      float* out = to + r * t.row + c;
      if (c + lanes <= channels) affine_row<true>(from, f.column, values, channels, f.width, numbers_at<true>(by, c), lanes, out, t.column);
      else affine_row<false>(from, f.column, values, channels, f.width, numbers_at<true>(by, c), channels - c, out, t.column);
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
                float* to, std::ptrdiff_t column) {
  HWY_DYNAMIC_DISPATCH(values_target)(values, factors, constant, pixels, channels, to, column);
}

void add_values(const float* from, std::size_t count, float* to) { HWY_DYNAMIC_DISPATCH(add_target)(from, count, to); }

void add_slice(const Slice& slice, std::ptrdiff_t pixels, int channels, float* to) {
  HWY_DYNAMIC_DISPATCH(slice_target)(slice, pixels, channels, to);
}

void sum_products(const Slice& g, const std::vector<Factor>& factors, std::ptrdiff_t pixels, int channels, double* sum) {
  HWY_DYNAMIC_DISPATCH(products_target)(g, factors, pixels, channels, sum);
}

void affine_gradient(const Slice& g, const float* value, const Affine& by, std::ptrdiff_t pixels, int channels, float* to, bool add) {
  HWY_DYNAMIC_DISPATCH(affine_target)(g, value, by, pixels, channels, to, add);
}

void affine_pixels(const float* g, const Pixels& from, const float* value, const Affine& by, int channels, float* to, const Pixels& at) {
  HWY_DYNAMIC_DISPATCH(affine_pixels_target)(g, from, value, by, channels, to, at);
}
}  // namespace netwright
#endif
