#include "tensor/sparse_rows.h"

#include "base/error.h"
#include "tensor/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/sparse_rows.cc"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#ifndef METAPLASTIC_SPARSE_ROWS_ONCE
#define METAPLASTIC_SPARSE_ROWS_ONCE
namespace metaplastic {
namespace {

// One row: its entries, and where its part of x and out lies.
struct SparseRow {
  const SparseRows& matrix;
  const ProductStep& step;
  const float* x;
  std::ptrdiff_t m;
  int row;
  float* out;
};

}  // namespace
}  // namespace metaplastic
#endif

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Columns [at, at + kVectors vectors of d) of a row.
template <int kVectors, class D>
HWY_INLINE void multiply_part(const D d, const SparseRow& s, std::ptrdiff_t at) {
  const auto N = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  const float* const x = s.x + at;
  hn::Vec<D> sums[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) sums[v] = hn::Zero(d);
  const auto row = static_cast<std::size_t>(s.row);
  const std::uint32_t last = s.matrix.begins[row + 1];
  for (std::uint32_t entry = s.matrix.begins[row]; entry < last; ++entry) {
    const auto value = hn::Set(d, s.matrix.values[entry]);
    const float* const from = x + s.matrix.columns[entry] * s.m;
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v)
      sums[v] = hn::Add(sums[v], hn::Mul(value, hn::LoadU(d, from + v * N)));
  }
  const auto scale = hn::Set(d, s.step.scale), centre = hn::Set(d, s.step.centre);
  const float* const own = x + s.row * s.m;
  float* const out = s.out + s.row * s.m + at;
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    const auto centred = hn::Sub(sums[v], hn::Mul(centre, hn::LoadU(d, own + v * N)));
    auto result = hn::Mul(scale, centred);
    if (s.step.less_old) result = hn::Sub(result, hn::LoadU(d, out + v * N));
    hn::StoreU(result, d, out + v * N);
  }
}

void multiply_row(const SparseRow& s) {
  constexpr int kVectors = HWY_TARGET == HWY_AVX3 ? 2 : 4;
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> one;
  const auto N = static_cast<std::ptrdiff_t>(hn::Lanes(d));
  std::ptrdiff_t at = 0;
  for (; at + kVectors * N <= s.m; at += kVectors * N) multiply_part<kVectors>(d, s, at);
  for (; at < s.m; ++at) multiply_part<1>(one, s, at);
}

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace metaplastic {
namespace {
HWY_EXPORT(multiply_row);
}  // namespace

void multiply_rows(const SparseRows& matrix, const ProductStep& step, const float* x, int m,
                   int first, int last, float* out) {
  METAPLASTIC_CHECK(0 <= first && first <= last && last <= matrix.num_rows() && x != out);
  kernels<float>();  // settles the instruction set
  const auto multiply = HWY_DYNAMIC_DISPATCH(multiply_row);
  for (int row = first; row < last; ++row) multiply({matrix, step, x, m, row, out});
}

}  // namespace metaplastic
#endif  // HWY_ONCE
