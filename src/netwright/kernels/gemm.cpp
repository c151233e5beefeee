// Register blocking: 6 rows by 2 vectors of accumulators (12 by 2 where there are 32 registers, 12 by 1 of a single vector) stay in registers
// over the whole of k; each step loads two vectors of b and broadcasts one element of a per row, 12 multiply-adds for 8 loads (24 for 14).
// Of an odd number of vectors the last three are taken together, by 4 rows (8): one by itself waits for its loads.
// Columns are the outer loop, so that a panel of b stays in the cache.
#include "netwright/kernels/gemm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "netwright/kernels/gemm.cpp"
#include <hwy/foreach_target.h>
// (after foreach_target)
#include "netwright/kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace netwright::HWY_NAMESPACE {

int count_lanes() { return static_cast<int>(hn::Lanes(Tag())); }

// Registers of vectors that the accumulators may take: 24 of 32, 12 of 16.
constexpr int kSums = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4 ? 12 : 24;

// Rows of a lie `Together` (a_row 1), or its columns do (a_column 1): a constant distance leaves more registers for addresses. Rows of c end after
// `left` elements, within the last of the N vectors or behind it.
template <int M, int N, bool Together>
HWY_INLINE void block(const Product& p, const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, int left, float* HWY_RESTRICT c) {
  const Tag d;
  const std::ptrdiff_t lanes = hn::Lanes(d), a_row = Together ? 1 : p.a_row, a_column = Together ? p.a_column : 1, b_row = p.b_row, c_row = p.c_row;
  // Rows from two places: so many distances fit the processor's addresses.
  constexpr int half = (M + 1) / 2;
  const float* HWY_RESTRICT lower = a + half * a_row;
  const int last = left - (N - 1) * static_cast<int>(lanes);
  const bool whole = last >= lanes;
  Vector sums[M][N];
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 3
    for (int n = 0; n < N; ++n) {
      const float* from = c + m * c_row + n * lanes;
      sums[m][n] = !p.accumulate ? hn::Zero(d) : n + 1 < N || whole ? hn::LoadU(d, from) : load_part<false>(from, last);
    }
  // Four steps a turn: the end of a short loop (k = 16) costs as much as its work where it is not foreseen.
#pragma GCC unroll 4
  for (int k = p.k; k > 0; --k, a += a_column, lower += a_column, b += b_row) {
    Vector row_of_b[N];
#pragma GCC unroll 3
    for (int n = 0; n < N; ++n) row_of_b[n] = hn::LoadU(d, b + n * lanes);
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      const Vector element = hn::Set(d, m < half ? a[m * a_row] : lower[(m - half) * a_row]);
#pragma GCC unroll 3
      for (int n = 0; n < N; ++n) sums[m][n] = hn::MulAdd(element, row_of_b[n], sums[m][n]);
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 3
    for (int n = 0; n < N; ++n) {
      float* to = c + m * c_row + n * lanes;
      n + 1 < N || whole ? hn::StoreU(sums[m][n], d, to) : store_part<false>(sums[m][n], to, last);
    }
}

// The most rows at a time that registers hold, but none of the last blocks smaller than it must be: 8 rows are 4 and 4, 7 are 4 and 3.
template <int N, bool Together>
HWY_INLINE void panel(const Product& p, const float* a, const float* b, int end, float* c) {
  const std::ptrdiff_t a_row = Together ? 1 : p.a_row;
  constexpr int most = kSums == 24 && N == 1 ? 16 : kSums / N;
  static_assert(most >= 4);
  for (int left = p.m, rows = 0; left > 0; left -= rows, a += rows * a_row, c += rows * p.c_row) {
    if (p.upcoming != nullptr) p.upcoming->turn<8>();
    if (most > 6 && left >= most) block<most, N, Together>(p, a, b, end, c), rows = most;
    else if (most > 12 && left >= 12) block<12, N, Together>(p, a, b, end, c), rows = 12;
    else if (most >= 6 && left >= 6 && left != 7 && left != 8) block<6, N, Together>(p, a, b, end, c), rows = 6;
    else if (left >= 4 && (most > 4 || left != 5)) block<4, N, Together>(p, a, b, end, c), rows = 4;
    else if (left >= 3) block<3, N, Together>(p, a, b, end, c), rows = 3;
    else if (left == 2) block<2, N, Together>(p, a, b, end, c), rows = 2;
    else block<1, N, Together>(p, a, b, end, c), rows = 1;
  }
}

template <bool Together>
HWY_INLINE void all(const Product& p) {
  const int lanes = count_lanes();
  for (int i = 0; i < p.count; ++i) {
    const float *a = p.a + i * p.a_next, *b = p.b + i * p.b_next;
    float* c = p.c + i * p.c_next;
    const int vectors = (p.n + lanes - 1) / lanes, three = vectors % 2 == 1 && vectors > 1 ? vectors - 3 : vectors;
    int at = 0;
    for (; at + 2 <= three; at += 2) panel<2, Together>(p, a, b + at * lanes, p.n - at * lanes, c + at * lanes);
    if (at == three && three < vectors) panel<3, Together>(p, a, b + at * lanes, p.n - at * lanes, c + at * lanes);
    else if (at < vectors) panel<1, Together>(p, a, b + at * lanes, p.n - at * lanes, c + at * lanes);
  }
}

void multiply_target(const Product& p) { p.a_row == 1 ? all<true>(p) : all<false>(p); }

}  // namespace netwright::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netwright {
HWY_EXPORT(count_lanes);
HWY_EXPORT(multiply_target);
int vector_lanes() { return HWY_DYNAMIC_DISPATCH(count_lanes)(); }
void multiply(const Product& product) { HWY_DYNAMIC_DISPATCH(multiply_target)(product); }
}  // namespace netwright
#endif
