// Matrix products of the size of a layer: [m,k] x [k,n] with everything in the second-level cache.
// B is read row by row in place, or copied once when it is transposed or its rows end inside a
// vector; A is broadcast element by element through two strides, so it is never copied.
#if defined(METAPLASTIC_KERNELS_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METAPLASTIC_KERNELS_GEMM_INL_H_
#undef METAPLASTIC_KERNELS_GEMM_INL_H_
#else
#define METAPLASTIC_KERNELS_GEMM_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "tensor/kernels_linear-inl.h"
#include "tensor/kernels_transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
struct GemmArgs {
  int k;
  T alpha;
  const T* a;
  std::ptrdiff_t a_row, a_k;  // strides of op(A) along m and k
  const T* b;
  std::ptrdiff_t ldb;  // rows of b hold whole vectors
  bool accumulate;
  T* c;
  std::ptrdiff_t ldc;
};

// One register tile: MR rows from i, NR vectors of columns from j; the last `valid` lanes count.
template <int MR, int NR, class T>
HWY_INLINE void gemm_tile(const GemmArgs<T>& s, int i, int j, int valid) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  hn::Vec<decltype(d)> acc[MR][NR];
#pragma GCC unroll 16
  for (int r = 0; r < MR; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < NR; ++v) acc[r][v] = hn::Zero(d);
  const T* a = s.a + i * s.a_row;
  const T* b = s.b + j;
  for (int k = 0; k < s.k; ++k, a += s.a_k, b += s.ldb) {
    hn::Vec<decltype(d)> x[NR];
#pragma GCC unroll 16
    for (int v = 0; v < NR; ++v) x[v] = hn::LoadU(d, b + v * N);
#pragma GCC unroll 16
    for (int r = 0; r < MR; ++r) {
      const auto weight = hn::Set(d, a[r * s.a_row]);
#pragma GCC unroll 16
      for (int v = 0; v < NR; ++v) acc[r][v] = hn::MulAdd(weight, x[v], acc[r][v]);
    }
  }
  const auto alpha = hn::Set(d, s.alpha);
#pragma GCC unroll 16
  for (int r = 0; r < MR; ++r) {
    T* c = s.c + (i + r) * s.ldc + j;
#pragma GCC unroll 16
    for (int v = 0; v < NR; ++v) {
      const auto value = hn::Mul(acc[r][v], alpha);
      if (NR == 1 && valid < N) {
        HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)];
        hn::Store(value, d, lanes);
        for (int l = 0; l < valid; ++l) c[l] = s.accumulate ? c[l] + lanes[l] : lanes[l];
      } else {
        hn::StoreU(s.accumulate ? hn::Add(value, hn::LoadU(d, c + v * N)) : value, d, c + v * N);
      }
    }
  }
}

template <int NR, class T>
HWY_INLINE void gemm_columns(const GemmArgs<T>& s, int m, int j, int valid) {
  constexpr int kRows = kTileRows<NR>;
  int i = 0;
  for (; i + kRows <= m && m - i != 8; i += kRows) gemm_tile<kRows, NR>(s, i, j, valid);
  for (; i + 4 <= m; i += 4) gemm_tile<4, NR>(s, i, j, valid);
  for (; i + 2 <= m; i += 2) gemm_tile<2, NR>(s, i, j, valid);
  if (i < m) gemm_tile<1, NR>(s, i, j, valid);
}

// out [k,ld] <- b^T for b [n,k], zero beyond n.
template <class T>
HWY_INLINE void pack_transposed(const T* b, std::ptrdiff_t ldb, int n, int k, std::ptrdiff_t ld,
                                T* out) {
  transpose(b, ldb, n, k, out, ld);
  if (n == ld) return;
  for (int kk = 0; kk < k; ++kk) std::fill(out + kk * ld + n, out + (kk + 1) * ld, T(0));
}

template <class T>
HWY_INLINE void pack_rows(const T* b, std::ptrdiff_t ldb, int n, int k, std::ptrdiff_t ld, T* out) {
  for (int kk = 0; kk < k; ++kk) {
    std::copy_n(b + kk * ldb, n, out + kk * ld);
    std::fill(out + kk * ld + n, out + (kk + 1) * ld, T(0));
  }
}

template <class T>
void gemm_small(bool transpose_a, bool transpose_b, int m, int n, int k, T alpha, const T* a,
                std::ptrdiff_t lda, const T* b, std::ptrdiff_t ldb, bool accumulate, T* c,
                std::ptrdiff_t ldc, T* packed) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  const std::ptrdiff_t whole = (n + N - 1) / N * N;
  GemmArgs<T> s{k,          alpha, a,  transpose_a ? 1 : lda, transpose_a ? lda : 1, b, ldb,
                accumulate, c,     ldc};
  if (transpose_b || n % N != 0) {
    if (transpose_b) {
      pack_transposed(b, ldb, n, k, whole, packed);
    } else {
      pack_rows(b, ldb, n, k, whole, packed);
    }
    s.b = packed;
    s.ldb = whole;
  }
  int j = 0;
  for (; j + kWide * N <= n; j += kWide * N) gemm_columns<kWide>(s, m, j, N);
  if constexpr (kWide > 2)
    for (; j + 2 * N <= n; j += 2 * N) gemm_columns<2>(s, m, j, N);
  for (; j < n; j += N) gemm_columns<1>(s, m, j, std::min(N, n - j));
}

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#endif
