// Register blocking: 6 rows by 2 vectors of accumulators stay in registers over the whole of k; each step loads two vectors of b and
// broadcasts one element of a per row, 12 multiply-adds for 8 loads. Columns are the outer loop, so that a panel of b stays in the cache.
#include "netwright/kernels/gemm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "netwright/kernels/gemm.cpp"
#include <hwy/foreach_target.h>
// (after foreach_target)
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace netwright::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

int count_lanes() { return static_cast<int>(hn::Lanes(Tag())); }

template <int M, int N>
HWY_INLINE void block(const Product& p, int row, int column) {
  const Tag d;
  const std::ptrdiff_t lanes = hn::Lanes(d), a_row = p.a_row, a_column = p.a_column, b_row = p.b_row, c_row = p.c_row;
  const float* HWY_RESTRICT a = p.a + row * a_row;
  const float* HWY_RESTRICT b = p.b + column;
  float* HWY_RESTRICT c = p.c + row * c_row + column;
  Vector sums[M][N];
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 2
    for (int n = 0; n < N; ++n) sums[m][n] = p.accumulate ? hn::LoadU(d, c + m * c_row + n * lanes) : hn::Zero(d);
  // Four steps a turn: the end of a short loop (k = 16) costs as much as its work where it is not foreseen.
#pragma GCC unroll 4
  for (int k = p.k; k > 0; --k, a += a_column, b += b_row) {
    Vector row_of_b[N];
#pragma GCC unroll 2
    for (int n = 0; n < N; ++n) row_of_b[n] = hn::LoadU(d, b + n * lanes);
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      const Vector element = hn::Set(d, a[m * a_row]);
#pragma GCC unroll 2
      for (int n = 0; n < N; ++n) sums[m][n] = hn::MulAdd(element, row_of_b[n], sums[m][n]);
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 2
    for (int n = 0; n < N; ++n) hn::StoreU(sums[m][n], d, c + m * c_row + n * lanes);
}

// Six rows at a time, but none of the last blocks smaller than it must be: 8 rows are 4 and 4, 7 are 4 and 3.
template <int N>
HWY_INLINE void panel(const Product& p, int column) {
  int row = 0;
  for (int left = p.m; left > 0; left = p.m - row) {
    if (left >= 6 && left != 7 && left != 8) block<6, N>(p, row, column), row += 6;
    else if (left >= 4) block<4, N>(p, row, column), row += 4;
    else if (left >= 3) block<3, N>(p, row, column), row += 3;
    else if (left == 2) block<2, N>(p, row, column), row += 2;
    else block<1, N>(p, row, column), ++row;
  }
}

void multiply_target(const Product& p) {
  const int lanes = count_lanes();
  int column = 0;
  for (; column + 2 * lanes <= p.n; column += 2 * lanes) panel<2>(p, column);
  if (column < p.n) panel<1>(p, column);
}

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
