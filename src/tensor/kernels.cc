// All kernels, compiled once per instruction set by Highway; see kernels.h for what each computes.
#include "tensor/kernels.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/kernels.cc"
// Three levels are enough: 512-bit, 256-bit, and the baseline of the compiler's target.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "tensor/kernels_conv-inl.h"
#include "tensor/kernels_elementwise-inl.h"
#include "tensor/kernels_fused-inl.h"
#include "tensor/kernels_gemm-inl.h"
#include "tensor/kernels_linear-inl.h"
#include "tensor/kernels_norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {

template <class T>
const Kernels<T>* table() {
  static const Kernels<T> kTable = {HWY_TARGET == HWY_AVX3   ? "avx512"
                                    : HWY_TARGET == HWY_AVX2 ? "avx2"
                                                             : "portable",
                                    linear_unit<T>,
                                    linear_rows<T>,
                                    linear_weight_vjp<T>,
                                    row_sums<T>,
                                    row_moments<T>,
                                    norm_relu_unit<T>,
                                    norm_relu_sums<T>,
                                    norm_relu_vjp<T>,
                                    normed_rows<T>,
                                    norm_relu_moments<T>,
                                    norm_relu_open<T>,
                                    norm_vjp<T>,
                                    map<T>,
                                    rms_channels_unit<T>,
                                    rms_channels_vjp<T>,
                                    gate_add_unit<T>,
                                    gate_add_vjp<T>,
                                    gemm_small<T>,
                                    column_dots<T>,
                                    scale_columns<T>,
                                    scale_columns_vjp<T>,
                                    mix_columns<T>,
                                    mix_columns_vjp<T>,
                                    symmetric_sum<T>,
                                    add_to<T>,
                                    axpy<T>,
                                    combine<T>,
                                    multiply<T>,
                                    multiply_sign<T>,
                                    dot<T>};
  return &kTable;
}

const Kernels<float>* table_float() { return table<float>(); }
const Kernels<double>* table_double() { return table<double>(); }

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace metaplastic {
namespace {

HWY_EXPORT(table_float);
HWY_EXPORT(table_double);

// Applies METAPLASTIC_SIMD before the first dispatch.
bool choose_target() {
  const char* wanted = std::getenv("METAPLASTIC_SIMD");
  if (wanted == nullptr || *wanted == '\0') return true;
  const std::string name = wanted;
  const std::int64_t available = hwy::SupportedTargets();
  std::int64_t target = 0;
  if (name == "avx512") target = HWY_AVX3;
  if (name == "avx2") target = HWY_AVX2;
  if (name == "portable") target = HWY_STATIC_TARGET;
  if (target == 0) fail("METAPLASTIC_SIMD: expected avx512, avx2 or portable, found '{}'", name);
  if ((available & target) == 0) {
    fail("METAPLASTIC_SIMD: this processor has no {}; use another value or unset it", name);
  }
  hwy::SetSupportedTargetsForTest(target);
  return true;
}

}  // namespace

template <>
const Kernels<float>& kernels<float>() {
  static const bool kChosen = choose_target();
  static const Kernels<float>* const kTable = HWY_DYNAMIC_DISPATCH(table_float)();
  (void)kChosen;
  return *kTable;
}

template <>
const Kernels<double>& kernels<double>() {
  kernels<float>();  // settles the instruction set
  static const Kernels<double>* const kTable = HWY_DYNAMIC_DISPATCH(table_double)();
  return *kTable;
}

std::string_view simd_name() { return kernels<float>().name; }

}  // namespace metaplastic
#endif  // HWY_ONCE
