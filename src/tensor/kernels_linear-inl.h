// Products of neuron batches with the rule's small matrices: [Co,K] x [K,B] per unit, and the
// gradient of the matrix. Vectors run along B; the small matrix is broadcast.
#if defined(METAPLASTIC_KERNELS_LINEAR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METAPLASTIC_KERNELS_LINEAR_INL_H_
#undef METAPLASTIC_KERNELS_LINEAR_INL_H_
#else
#define METAPLASTIC_KERNELS_LINEAR_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of B held in registers per output channel: 32 registers hold more than 16 do.
constexpr int kWide = HWY_TARGET == HWY_AVX3 ? 4 : 2;
// Rows of a register tile NR vectors wide: enough sums to hide the latency of the additions.
template <int NR>
constexpr int kTileRows = NR == kWide              ? 6
                          : HWY_TARGET == HWY_AVX3 ? 12
                                                   : 8;

template <class T>
struct LinearArgs {
  const T* const* rows;
  int K;
  const T* a;
  std::ptrdiff_t lda;
  int B;
  const T* unit_offset;
  const T* example_offset;
  bool accumulate;
  T* y;
  T* const* y_rows = nullptr;             // where each output channel goes, instead of y
  const bool* row_accumulates = nullptr;  // and whether it is added there
};

// One register tile: MR output channels from co, NR vectors of examples from b.
template <int MR, int NR, class D, class T>
HWY_INLINE void linear_tile(D d, const LinearArgs<T>& s, int co, int b) {
  const int N = static_cast<int>(hn::Lanes(d));
  hn::Vec<D> acc[MR][NR];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
    const auto start = hn::Set(d, s.unit_offset ? s.unit_offset[co + i] : T(0));
#pragma GCC unroll 16
    for (int j = 0; j < NR; ++j) acc[i][j] = start;
  }
  const T* a = s.a + co;
  for (int k = 0; k < s.K; ++k, a += s.lda) {
    const T* row = s.rows[k] + b;
    hn::Vec<D> x[NR];
#pragma GCC unroll 16
    for (int j = 0; j < NR; ++j) x[j] = hn::LoadU(d, row + j * N);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const auto weight = hn::Set(d, a[i]);
#pragma GCC unroll 16
      for (int j = 0; j < NR; ++j) acc[i][j] = hn::MulAdd(weight, x[j], acc[i][j]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
    const std::ptrdiff_t at = std::ptrdiff_t{co + i} * s.B + b;
    T* y = s.y_rows ? s.y_rows[co + i] + b : s.y + at;
    const bool accumulate = s.y_rows ? s.row_accumulates[co + i] : s.accumulate;
#pragma GCC unroll 16
    for (int j = 0; j < NR; ++j) {
      auto value = acc[i][j];
      if (s.example_offset) value = hn::Add(value, hn::LoadU(d, s.example_offset + at + j * N));
      if (accumulate) value = hn::Add(value, hn::LoadU(d, y + j * N));
      hn::StoreU(value, d, y + j * N);
    }
  }
}

// All output channels for NR vectors of examples from b.
template <int NR, class D, class T>
HWY_INLINE void linear_column(D d, const LinearArgs<T>& s, int Co, int b) {
  constexpr int kRows = kTileRows<NR>;
  int co = 0;
  for (; co + kRows <= Co && Co - co != 8; co += kRows) linear_tile<kRows, NR>(d, s, co, b);
  for (; co + 4 <= Co; co += 4) linear_tile<4, NR>(d, s, co, b);
  for (; co + 2 <= Co; co += 2) linear_tile<2, NR>(d, s, co, b);
  if (co < Co) linear_tile<1, NR>(d, s, co, b);
}

template <class T>
HWY_INLINE void linear_columns(const LinearArgs<T>& s, int Co) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 1> one;
  const int N = static_cast<int>(hn::Lanes(d));
  int b = 0;
  for (; b + kWide * N <= s.B; b += kWide * N) linear_column<kWide>(d, s, Co, b);
  if constexpr (kWide > 2)
    for (; b + 2 * N <= s.B; b += 2 * N) linear_column<2>(d, s, Co, b);
  for (; b + N <= s.B; b += N) linear_column<1>(d, s, Co, b);
  for (; b < s.B; ++b) linear_column<1>(one, s, Co, b);
}

template <class T>
void linear_unit(const T* const* rows, int K, const T* a, std::ptrdiff_t lda, int Co, int B,
                 const T* unit_offset, const T* example_offset, bool accumulate, T* y) {
  linear_columns<T>({rows, K, a, lda, B, unit_offset, example_offset, accumulate, y}, Co);
}

template <class T>
void linear_rows(const T* const* rows, int K, const T* a, std::ptrdiff_t lda, int Co, int B,
                 T* const* y_rows, const bool* accumulate) {
  linear_columns<T>({rows, K, a, lda, B, nullptr, nullptr, false, nullptr, y_rows, accumulate}, Co);
}

// Whether the last examples of a row, fewer than a vector, can be loaded as a vector.
constexpr bool kHasMaskedLoad = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2;

// acc[i][j] += left i times right j, for vectors that `load` takes from rows of x and y.
template <int KT, int CT, class V, class T, class Load>
HWY_INLINE void add_products(const T* const* x, const T* y, int B, int b, const Load& load,
                             V (&acc)[KT][CT]) {
  V right[CT];
#pragma GCC unroll 16
  for (int j = 0; j < CT; ++j) right[j] = load(y + std::ptrdiff_t{j} * B + b);
#pragma GCC unroll 16
  for (int i = 0; i < KT; ++i) {
    const V left = load(x[i] + b);
#pragma GCC unroll 16
    for (int j = 0; j < CT; ++j) acc[i][j] = hn::MulAdd(left, right[j], acc[i][j]);
  }
}

// acc[k,co] over all units and examples for a tile of KT x CT matrix elements.
template <int KT, int CT, class T>
HWY_INLINE void weight_tile(const T* const* x_rows, const T* const* y_bar, int num_units, int K,
                            int B, int k0, int co0, T* a_bar, std::ptrdiff_t lda) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  const auto last = hn::FirstN(d, static_cast<std::size_t>(B % N));
  hn::Vec<decltype(d)> acc[KT][CT];
#pragma GCC unroll 16
  for (int i = 0; i < KT; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < CT; ++j) acc[i][j] = hn::Zero(d);
  T tail[KT][CT] = {};
  for (int u = 0; u < num_units; ++u) {
    const T* const* x = x_rows + std::ptrdiff_t{u} * K + k0;
    const T* y = y_bar[u] + std::ptrdiff_t{co0} * B;
    int b = 0;
    for (; b + N <= B; b += N)
      add_products(
          x, y, B, b, [&](const T* from) { return hn::LoadU(d, from); }, acc);
    if (kHasMaskedLoad && b < B) {
      add_products(
          x, y, B, b, [&](const T* from) { return hn::MaskedLoad(last, d, from); }, acc);
      b = B;
    }
    for (; b < B; ++b)
      for (int i = 0; i < KT; ++i)
        for (int j = 0; j < CT; ++j) tail[i][j] += x[i][b] * y[std::ptrdiff_t{j} * B + b];
  }
#pragma GCC unroll 16
  for (int i = 0; i < KT; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < CT; ++j) {
      a_bar[(k0 + i) * lda + co0 + j] += hn::GetLane(hn::SumOfLanes(d, acc[i][j])) + tail[i][j];
    }
}

template <class T>
void linear_weight_vjp(const T* const* x_rows, const T* const* y_bar, int num_units, int K, int Co,
                       int B, T* a_bar, std::ptrdiff_t lda) {
  constexpr int kColumns = HWY_TARGET == HWY_AVX3 ? 4 : 2;
  int k = 0;
  for (; k + 4 <= K; k += 4) {
    int co = 0;
    for (; co + kColumns <= Co; co += kColumns)
      weight_tile<4, kColumns>(x_rows, y_bar, num_units, K, B, k, co, a_bar, lda);
    for (; co < Co; ++co) weight_tile<4, 1>(x_rows, y_bar, num_units, K, B, k, co, a_bar, lda);
  }
  for (; k < K; ++k) {
    int co = 0;
    for (; co + kColumns <= Co; co += kColumns)
      weight_tile<1, kColumns>(x_rows, y_bar, num_units, K, B, k, co, a_bar, lda);
    for (; co < Co; ++co) weight_tile<1, 1>(x_rows, y_bar, num_units, K, B, k, co, a_bar, lda);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#endif
