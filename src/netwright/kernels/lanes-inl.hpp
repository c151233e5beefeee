// What the files of SIMD loops share; compiled once for every instruction set, inside theirs. For a pixel's last vector, which the tensor's
// channels may not fill: loops are compiled for whole vectors and for the rest.
#include <hwy/highway.h>

#include <type_traits>

#if defined(NETWRIGHT_KERNELS_LANES) == defined(HWY_TARGET_TOGGLE)
#ifdef NETWRIGHT_KERNELS_LANES
#undef NETWRIGHT_KERNELS_LANES
#else
#define NETWRIGHT_KERNELS_LANES
#endif

HWY_BEFORE_NAMESPACE();
namespace netwright::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

// The first `count` elements, where the vector is not whole; zeros behind them.
template <bool Whole>
HWY_INLINE Vector load_part(const float* from, int count) {
  const Tag d;
  if constexpr (Whole) return hn::LoadU(d, from);
  else if constexpr (HWY_MAX_BYTES > 16) return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, from);
  // SSE4 and NEON have no such load: Highway's is one of the whole vector, aligned.
  HWY_ALIGN float element[HWY_MAX_BYTES / sizeof(float)] = {};
  for (int i = 0; i < count; ++i) element[i] = from[i];
  return hn::Load(d, element);
}

template <bool Whole>
HWY_INLINE void store_part(Vector value, float* to, int count) {
  const Tag d;
  if constexpr (Whole) hn::StoreU(value, d, to);
  else hn::BlendedStore(value, hn::FirstN(d, static_cast<std::size_t>(count)), d, to);
}

// sums[i] += value[i], in double.
HWY_INLINE void add_to(double* sums, Vector value, int lanes) {
  HWY_ALIGN float element[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(value, Tag(), element);
  for (int i = 0; i < lanes; ++i) sums[i] += static_cast<double>(element[i]);
}

}  // namespace netwright::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
