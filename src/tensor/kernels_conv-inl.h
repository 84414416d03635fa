// Kernels of convolutions with a norm behind them: what fills the rows that a product reads.
#if defined(METAPLASTIC_KERNELS_CONV_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METAPLASTIC_KERNELS_CONV_INL_H_
#undef METAPLASTIC_KERNELS_CONV_INL_H_
#else
#define METAPLASTIC_KERNELS_CONV_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
void normed_rows(const T* y, const T* mean, const T* inv, const T* offset, int C, int B,
                 bool accumulate, T* out, std::ptrdiff_t ld) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  for (int c = 0; c < C; ++c, y += B, out += ld) {
    const T m = mean[c], scale = inv[c], shift = offset[c];
    const auto m_v = hn::Set(d, m), scale_v = hn::Set(d, scale), shift_v = hn::Set(d, shift);
    int b = 0;
    for (; b + N <= B; b += N) {
      auto v = hn::MulAdd(hn::Sub(hn::LoadU(d, y + b), m_v), scale_v, shift_v);
      v = hn::Max(v, zero);
      if (accumulate) v = hn::Add(v, hn::LoadU(d, out + b));
      hn::StoreU(v, d, out + b);
    }
    for (; b < B; ++b) {
      T v = (y[b] - m) * scale + shift;
      v = v > T(0) ? v : T(0);
      out[b] = accumulate ? out[b] + v : v;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#endif
