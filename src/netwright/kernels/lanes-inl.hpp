// What the files of SIMD loops share; compiled once for every instruction set, inside theirs. For a pixel's last vector, which the tensor's
// channels may not fill.
#include <hwy/highway.h>

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

HWY_INLINE Vector load_upto(const float* from, int count, int lanes) {
  const Tag d;
  return count >= lanes ? hn::LoadU(d, from) : hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, from);
}

HWY_INLINE void store_upto(Vector value, float* to, int count, int lanes) {
  const Tag d;
  if (count >= lanes) hn::StoreU(value, d, to);
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
