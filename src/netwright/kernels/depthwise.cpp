// Loop order: one vector of channels at a time, its row of taps in registers; eight neighbouring output pixels are summed in registers,
// and each input pixel that they read is loaded once for all taps that want it. The weight gradient keeps the sums of 7 to 25 taps in
// registers over the whole image; of larger windows four neighbouring gradients stay there too, and each input pixel is loaded once for
// all of them.
#include "netwright/kernels/depthwise.hpp"

#include "netwright/core/error.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "netwright/kernels/depthwise.cpp"
#include <hwy/foreach_target.h>
// (after foreach_target)
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace netwright::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

// Pixel `x` behind one of every fourth: the processor's addresses reach three distances from a place.
template <class Float, std::size_t N>
HWY_INLINE Float* pixel(Float* const (&fourth)[N], std::ptrdiff_t column, int x) { return fourth[x / 4] + x % 4 * column; }

// B neighbouring output pixels of one vector of channels.
template <int K, int S, int D, int B>
HWY_INLINE void pixels(const float* HWY_RESTRICT in, std::ptrdiff_t in_row, std::ptrdiff_t channels, const float* HWY_RESTRICT weights, float* HWY_RESTRICT out,
                       std::ptrdiff_t out_column, bool add) {
  const Tag d;
  constexpr int reach = S * (B - 1) + D * (K - 1) + 1;
  float* const to[2] = {out, out + 4 * out_column};
  Vector sums[B];
#pragma GCC unroll 16
  for (int b = 0; b < B; ++b) sums[b] = add ? hn::LoadU(d, pixel(to, out_column, b)) : hn::Zero(d);
  for (int i = 0; i < K; ++i, in += D * in_row, weights += K * channels) {
    const float* from[(reach + 3) / 4];
#pragma GCC unroll 8
    for (int x = 0; x < reach; x += 4) from[x / 4] = in + x * channels;
    Vector taps[K];
#pragma GCC unroll 8
    for (int j = 0; j < K; ++j) taps[j] = hn::LoadU(d, weights + j * channels);
#pragma GCC unroll 32
    for (int x = 0; x < reach; ++x) {
      const Vector value = hn::LoadU(d, pixel<const float>(from, channels, x));
#pragma GCC unroll 8
      for (int j = 0; j < K; ++j) {
        const int at = x - j * D;
        if (at >= 0 && at % S == 0 && at / S < B) sums[at / S] = hn::MulAdd(value, taps[j], sums[at / S]);
      }
    }
  }
#pragma GCC unroll 16
  for (int b = 0; b < B; ++b) hn::StoreU(sums[b], d, pixel(to, out_column, b));
}

struct RowsCase {
  const Depthwise& shape;
  const float* in;
  std::ptrdiff_t in_row;
  const float* weights;
  float* out;
  const Pixels& to;
  int first, last;
  bool add;
  Upcoming* upcoming;
};

template <int K, int S, int D>
void rows(const RowsCase& c) {
  const int lanes = static_cast<int>(hn::Lanes(Tag())), channels = c.shape.channels;
  for (int r = c.first; r < c.last; ++r)
    for (int channel = 0; channel < channels; channel += lanes) {
      const float* in = c.in + r * S * c.in_row + channel;
      float* out = c.out + r * c.to.row + channel;
      int q = 0;
      for (; q + 8 <= c.to.width; q += 8) {
        if (c.upcoming != nullptr) c.upcoming->turn<4>();
        pixels<K, S, D, 8>(in + q * S * channels, c.in_row, channels, c.weights + channel, out + q * c.to.column, c.to.column, c.add);
      }
      for (; q + 2 <= c.to.width; q += 2) pixels<K, S, D, 2>(in + q * S * channels, c.in_row, channels, c.weights + channel, out + q * c.to.column, c.to.column, c.add);
      for (; q < c.to.width; ++q) pixels<K, S, D, 1>(in + q * S * channels, c.in_row, channels, c.weights + channel, out + q * c.to.column, 0, c.add);
    }
}

struct GradientCase {
  const Depthwise& shape;
  const float* in;
  std::ptrdiff_t in_row;
  const float* gradient;
  const Pixels& from;
  float* weights;
};

// Adds what B neighbouring gradients give to the taps of R kernel rows, each tap pixel after pixel.
template <int K, int S, int D, int R, int B>
HWY_INLINE void add_gradients(const float* HWY_RESTRICT gradient, std::ptrdiff_t column, const float* HWY_RESTRICT in, std::ptrdiff_t in_row,
                              std::ptrdiff_t channels, Vector (&sums)[R][K]) {
  const Tag d;
  constexpr int reach = S * (B - 1) + D * (K - 1) + 1;
  Vector g[B];
#pragma GCC unroll 4
  for (int b = 0; b < B; ++b) g[b] = hn::LoadU(d, gradient + b * column);
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
    const float* from[(reach + 3) / 4];
#pragma GCC unroll 8
    for (int x = 0; x < reach; x += 4) from[x / 4] = in + i * D * in_row + x * channels;
#pragma GCC unroll 32
    for (int x = 0; x < reach; ++x) {
      const Vector value = hn::LoadU(d, pixel<const float>(from, channels, x));
#pragma GCC unroll 8
      for (int j = 0; j < K; ++j) {
        const int at = x - j * D;
        if (at >= 0 && at % S == 0 && at / S < B) sums[i][j] = hn::MulAdd(g[at / S], value, sums[i][j]);
      }
    }
  }
}

// Kernel rows [first, first + R).
template <int K, int S, int D, int R>
HWY_INLINE void taps_of_rows(const GradientCase& c, int first, int channel) {
  const Tag d;
  const std::ptrdiff_t channels = c.shape.channels;
  float* weights = c.weights + first * K * channels + channel;
  Vector sums[R][K];
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < K; ++j) sums[i][j] = hn::LoadU(d, weights + (i * K + j) * channels);
  for (int r = 0; r < c.from.height; ++r) {
    const float* HWY_RESTRICT gradient = c.gradient + r * c.from.row + channel;
    const float* HWY_RESTRICT in = c.in + (r * S + first * D) * c.in_row + channel;
    int q = 0;
    if constexpr (K > 3 || D == 1)   // else too little is shared
      for (; q + 4 <= c.from.width; q += 4, gradient += 4 * c.from.column, in += 4 * S * channels)
        add_gradients<K, S, D, R, 4>(gradient, c.from.column, in, c.in_row, channels, sums);
    for (; q < c.from.width; ++q, gradient += c.from.column, in += S * channels) add_gradients<K, S, D, R, 1>(gradient, 0, in, c.in_row, channels, sums);
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < K; ++j) hn::StoreU(sums[i][j], d, weights + (i * K + j) * channels);
}

template <int K, int S, int D>
void weight_gradient(const GradientCase& c) {
  // 32 registers hold the sums of a whole 5x5 window, 16 those of two of its rows.
  constexpr bool many_registers = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON;
  constexpr int R = K == 3 ? 3 : K == 5 ? (many_registers ? 5 : 2) : 1;
  const int lanes = static_cast<int>(hn::Lanes(Tag()));
  for (int channel = 0; channel < c.shape.channels; channel += lanes) {
    int first = 0;
    for (; first + R <= K; first += R) taps_of_rows<K, S, D, R>(c, first, channel);
    if constexpr (K % R != 0)
      for (; first < K; ++first) taps_of_rows<K, S, D, 1>(c, first, channel);
  }
}

// Calls `run` with the kernel, stride and dilation as constants.
template <int K, class Run>
HWY_INLINE void with_kernel(const Depthwise& s, const Run& run) {
  if (s.stride == 1 && s.dilation == 1) return run.template operator()<K, 1, 1>();
  if (s.stride == 1 && s.dilation == 2) return run.template operator()<K, 1, 2>();
  if (s.stride == 2 && s.dilation == 1) return run.template operator()<K, 2, 1>();
  return run.template operator()<K, 2, 2>();
}

template <class Run>
HWY_INLINE void with_constants(const Depthwise& s, const Run& run) {
  if (s.kernel == 3) return with_kernel<3>(s, run);
  if (s.kernel == 5) return with_kernel<5>(s, run);
  return with_kernel<7>(s, run);
}

struct RunRows {
  const RowsCase& c;
  template <int K, int S, int D>
  void operator()() const { rows<K, S, D>(c); }
};

struct RunGradient {
  const GradientCase& c;
  template <int K, int S, int D>
  void operator()() const { weight_gradient<K, S, D>(c); }
};

void rows_target(const Depthwise& shape, const float* in, std::ptrdiff_t in_row, const float* weights, float* out, const Pixels& to, int first, int last,
                 bool add, Upcoming* upcoming) {
  const RowsCase c{shape, in, in_row, weights, out, to, first, last, add, upcoming};
  with_constants(shape, RunRows{c});
}

void gradient_target(const Depthwise& shape, const float* in, std::ptrdiff_t in_row, const float* gradient, const Pixels& from, float* weights) {
  const GradientCase c{shape, in, in_row, gradient, from, weights};
  with_constants(shape, RunGradient{c});
}

}  // namespace netwright::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netwright {
HWY_EXPORT(rows_target);
HWY_EXPORT(gradient_target);

bool depthwise_fits(int kernel, int stride, int dilation) {
  return (kernel == 3 || kernel == 5 || kernel == 7) && (stride == 1 || stride == 2) && (dilation == 1 || dilation == 2);
}

void depthwise_rows(const Depthwise& shape, const float* in, std::ptrdiff_t in_row, const float* weights, float* out, const Pixels& out_pixels, int first,
                    int last, bool add, Upcoming* upcoming) {
  if (!depthwise_fits(shape.kernel, shape.stride, shape.dilation)) throw Error("no depthwise kernel for this shape");
  HWY_DYNAMIC_DISPATCH(rows_target)(shape, in, in_row, weights, out, out_pixels, first, last, add, upcoming);
}

void depthwise_weight_gradient(const Depthwise& shape, const float* in, std::ptrdiff_t in_row, const float* gradient, const Pixels& gradient_pixels,
                               float* weights) {
  if (!depthwise_fits(shape.kernel, shape.stride, shape.dilation)) throw Error("no depthwise kernel for this shape");
  HWY_DYNAMIC_DISPATCH(gradient_target)(shape, in, in_row, gradient, gradient_pixels, weights);
}
}  // namespace netwright
#endif
