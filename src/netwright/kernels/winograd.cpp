// A strip of tiles at a time: their windows go to the 16 points (32 additions a channel, all in registers), 16 products of tiles by channels
// follow, and 24 additions a channel bring the sums back. Where the definition does
// 4 x 9 x in x out multiply-adds, this does 16 x in x out, and 14 additions an input and output.
#include "netwright/kernels/winograd.hpp"

#include <algorithm>

#include "netwright/kernels/gemm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "netwright/kernels/winograd.cpp"
#include <hwy/foreach_target.h>
// (after foreach_target)
#include "netwright/kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace netwright::HWY_NAMESPACE {

// The four values of one line of a window, by B^T.
struct Four {
  Vector a, b, c, d;
};

HWY_INLINE Four to_points(const Four& x) { return {hn::Sub(x.a, x.c), hn::Add(x.b, x.c), hn::Sub(x.c, x.b), hn::Sub(x.b, x.d)}; }

// A^T of one line.
HWY_INLINE void from_points(const Four& m, Vector& first, Vector& second) {
  const Vector sum = hn::Add(m.b, m.c), difference = hn::Sub(m.b, m.c);
  first = hn::Add(m.a, sum);
  second = hn::Sub(difference, m.d);
}

// `point` is the distance between two points of `to`.
HWY_INLINE void window_to_points(const float* HWY_RESTRICT in, std::ptrdiff_t row, std::ptrdiff_t column, float* HWY_RESTRICT to, std::ptrdiff_t point) {
  const Tag d;
  Four lines[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const float* at = in + i * row;
    lines[i] = to_points({hn::LoadU(d, at), hn::LoadU(d, at + column), hn::LoadU(d, at + 2 * column), hn::LoadU(d, at + 3 * column)});
  }
  const Four columns[4] = {to_points({lines[0].a, lines[1].a, lines[2].a, lines[3].a}), to_points({lines[0].b, lines[1].b, lines[2].b, lines[3].b}),
                           to_points({lines[0].c, lines[1].c, lines[2].c, lines[3].c}), to_points({lines[0].d, lines[1].d, lines[2].d, lines[3].d})};
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    hn::StoreU(columns[j].a, d, to + j * point);
    hn::StoreU(columns[j].b, d, to + (4 + j) * point);
    hn::StoreU(columns[j].c, d, to + (8 + j) * point);
    hn::StoreU(columns[j].d, d, to + (12 + j) * point);
  }
}

template <bool Add>
HWY_INLINE void put(Vector value, float* to) {
  const Tag d;
  if constexpr (Add) value = hn::Add(value, hn::LoadU(d, to));
  hn::StoreU(value, d, to);
}

template <bool Add>
HWY_INLINE void points_to_tile(const float* HWY_RESTRICT from, std::ptrdiff_t point, float* HWY_RESTRICT out, const Pixels& p, int rows, int columns) {
  const Tag d;
  Vector upper[4], lower[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j)
    from_points({hn::LoadU(d, from + j * point), hn::LoadU(d, from + (4 + j) * point), hn::LoadU(d, from + (8 + j) * point), hn::LoadU(d, from + (12 + j) * point)},
                upper[j], lower[j]);
  Vector left, right;
  from_points({upper[0], upper[1], upper[2], upper[3]}, left, right);
  put<Add>(left, out);
  if (columns > 1) put<Add>(right, out + p.column);
  if (rows < 2) return;
  from_points({lower[0], lower[1], lower[2], lower[3]}, left, right);
  put<Add>(left, out + p.row);
  if (columns > 1) put<Add>(right, out + p.row + p.column);
}

// A g A^T of a 2x2 tile.
HWY_INLINE void gradient_to_points(const float* HWY_RESTRICT g, std::ptrdiff_t row, std::ptrdiff_t column, float* HWY_RESTRICT to, std::ptrdiff_t point) {
  const Tag d;
  const Vector a = hn::LoadU(d, g), b = hn::LoadU(d, g + column), c = hn::LoadU(d, g + row), e = hn::LoadU(d, g + row + column);
  const Vector left[4] = {a, hn::Add(a, c), hn::Sub(a, c), hn::Neg(c)}, right[4] = {b, hn::Add(b, e), hn::Sub(b, e), hn::Neg(e)};
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    hn::StoreU(left[i], d, to + 4 * i * point);
    hn::StoreU(hn::Add(left[i], right[i]), d, to + (4 * i + 1) * point);
    hn::StoreU(hn::Sub(left[i], right[i]), d, to + (4 * i + 2) * point);
    hn::StoreU(hn::Neg(right[i]), d, to + (4 * i + 3) * point);
  }
}

// Tiles [first, last) of an image, counted row by row, `along` to a row; calls with each one's number in the strip, its row and its column.
template <class Work>
HWY_INLINE void each_tile(int first, int last, int along, const Work& work) {
  int row = first / along, column = first % along;
  for (int t = 0; t < last - first; ++t) {
    work(t, 2 * row, 2 * column);
    if (++column == along) column = 0, ++row;
  }
}

void windows_target(const float* in, std::ptrdiff_t row, int channels, int first, int last, int along, float* to, std::ptrdiff_t point) {
  const int lanes = static_cast<int>(hn::Lanes(Tag()));
  each_tile(first, last, along, [&](int t, int r, int q) {
    const float* window = in + r * row + q * std::ptrdiff_t{channels};
    for (int c = 0; c < channels; c += lanes) window_to_points(window + c, row, channels, to + t * std::ptrdiff_t{channels} + c, point);
  });
}

template <bool Add>
HWY_INLINE void tiles(const float* from, std::ptrdiff_t point, int channels, int first, int last, int along, float* out, const Pixels& p) {
  const int lanes = static_cast<int>(hn::Lanes(Tag()));
  each_tile(first, last, along, [&](int t, int r, int q) {
    float* tile = out + r * p.row + q * p.column;
    const int rows = std::min(2, p.height - r), columns = std::min(2, p.width - q);
    for (int c = 0; c < channels; c += lanes) points_to_tile<Add>(from + t * std::ptrdiff_t{channels} + c, point, tile + c, p, rows, columns);
  });
}

void tiles_target(const float* from, std::ptrdiff_t point, int channels, int first, int last, int along, float* out, const Pixels& p, bool add) {
  add ? tiles<true>(from, point, channels, first, last, along, out, p) : tiles<false>(from, point, channels, first, last, along, out, p);
}

void gradients_target(const float* gradient, const Pixels& p, int channels, int first, int last, int along, float* to, std::ptrdiff_t point) {
  const int lanes = static_cast<int>(hn::Lanes(Tag()));
  each_tile(first, last, along, [&](int t, int r, int q) {
    const float* tile = gradient + r * p.row + q * p.column;
    for (int c = 0; c < channels; c += lanes) gradient_to_points(tile + c, p.row, p.column, to + t * std::ptrdiff_t{channels} + c, point);
  });
}

}  // namespace netwright::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netwright {
HWY_EXPORT(windows_target);
HWY_EXPORT(tiles_target);
HWY_EXPORT(gradients_target);

namespace {

// G of one line of three taps, and G^T of one line of four points; `step` floats lie between the elements of what is read and written.
void taps_to_points(const float* w, std::ptrdiff_t step, float* to, std::ptrdiff_t to_step) {
  const float x = w[0], y = w[step], z = w[2 * step], half = 0.5f * (x + z);
  to[0] = x, to[to_step] = half + 0.5f * y, to[2 * to_step] = half - 0.5f * y, to[3 * to_step] = z;
}

void points_to_taps(const float* m, std::ptrdiff_t step, float* to, std::ptrdiff_t to_step) {
  const float half = 0.5f * (m[step] + m[2 * step]);
  to[0] = m[0] + half, to[to_step] = 0.5f * (m[step] - m[2 * step]), to[2 * to_step] = half + m[3 * step];
}

std::size_t size_of(std::ptrdiff_t a, std::ptrdiff_t b) { return static_cast<std::size_t>(a * b); }

// Floats from one point to the next: a line of the cache more than the tiles need, so that 16 points do not fall on one place of the cache.
std::ptrdiff_t point_of(int tiles, int channels) { return std::ptrdiff_t{tiles} * channels + 16; }

// Whole blocks of rows (gemm.cpp). Of 16 channels 12 are 12 KB on each side, beside 16 KB of weights, and stay in the first-level cache; more
// channels do not stay there anyway, and the sums of their weight gradients are read and written less often.
int tiles_at_a_time(const DenseShape& shape) { return std::max(shape.in, shape.out) <= 16 ? 12 : 24; }

}  // namespace

std::ptrdiff_t DenseShape::points_size() const { return std::ptrdiff_t{kWinogradPoints} * in * padded_channels(out); }

Floats winograd_weights(const DenseShape& shape, const float* weights, bool turned) {
  const DenseShape as = turned ? DenseShape{shape.out, shape.in} : shape;
  const std::ptrdiff_t columns = padded_channels(as.out), point = as.in * columns;
  Floats points(static_cast<std::size_t>(as.points_size()));
  for (int o = 0; o < shape.out; ++o)
    for (int c = 0; c < shape.in; ++c) {
      const float* w = weights + (std::ptrdiff_t{o} * shape.in + c) * 9 + (turned ? 8 : 0);
      float* to = points.data() + (turned ? o * columns + c : c * columns + o);
      const int step = turned ? -1 : 1;
      float lines[4][3];
      for (int j = 0; j < 3; ++j) taps_to_points(w + step * j, 3 * step, &lines[0][j], 3);
      for (int i = 0; i < 4; ++i) taps_to_points(lines[i], 1, to + 4 * i * point, point);
    }
  return points;
}

void winograd_unpack(const DenseShape& shape, const float* points, float* weights) {
  const std::ptrdiff_t columns = padded_channels(shape.out), point = shape.in * columns;
  for (int o = 0; o < shape.out; ++o)
    for (int c = 0; c < shape.in; ++c) {
      float lines[4][3];
      for (int i = 0; i < 4; ++i) points_to_taps(points + c * columns + o + 4 * i * point, point, lines[i], 1);
      for (int j = 0; j < 3; ++j) points_to_taps(&lines[0][j], 3, weights + (std::ptrdiff_t{o} * shape.in + c) * 9 + j, 3);
    }
}

Winograd::Winograd(const DenseShape& shape)
    : shape_(shape), tiles_(tiles_at_a_time(shape)), inputs_(size_of(kWinogradPoints, point_of(tiles_, padded_channels(shape.in)))),
      outputs_(size_of(kWinogradPoints, point_of(tiles_, padded_channels(shape.out)))) {}

void Winograd::convolve(const float* in, std::ptrdiff_t in_row, const float* weights, float* out, const Pixels& p, bool add) {
  const int along = tiles_along(p.width), all = along * tiles_along(p.height), in_channels = padded_channels(shape_.in), channels = padded_channels(shape_.out);
  for (int first = 0; first < all; first += tiles_) {
    const int last = std::min(first + tiles_, all), count = last - first;
    const std::ptrdiff_t in_point = point_of(count, in_channels), out_point = point_of(count, channels);
    HWY_DYNAMIC_DISPATCH(windows_target)(in, in_row, in_channels, first, last, along, inputs_.data(), in_point);
    multiply({count, channels, shape_.in, inputs_.data(), in_channels, 1, weights, channels, outputs_.data(), channels, false, kWinogradPoints, in_point,
              std::ptrdiff_t{shape_.in} * channels, out_point});
    HWY_DYNAMIC_DISPATCH(tiles_target)(outputs_.data(), out_point, channels, first, last, along, out, p, add);
  }
}

void Winograd::weight_gradient(const float* in, std::ptrdiff_t in_row, const float* gradient, const Pixels& p, float* points) {
  const int along = tiles_along(p.width), all = along * tiles_along(p.height), in_channels = padded_channels(shape_.in), channels = padded_channels(shape_.out);
  for (int first = 0; first < all; first += tiles_) {
    const int last = std::min(first + tiles_, all), count = last - first;
    const std::ptrdiff_t in_point = point_of(count, in_channels), out_point = point_of(count, channels);
    HWY_DYNAMIC_DISPATCH(windows_target)(in, in_row, in_channels, first, last, along, inputs_.data(), in_point);
    HWY_DYNAMIC_DISPATCH(gradients_target)(gradient, p, channels, first, last, along, outputs_.data(), out_point);
    multiply({shape_.in, channels, count, inputs_.data(), 1, in_channels, outputs_.data(), channels, points, channels, true, kWinogradPoints, in_point,
              out_point, std::ptrdiff_t{shape_.in} * channels});
  }
}

}  // namespace netwright
#endif
