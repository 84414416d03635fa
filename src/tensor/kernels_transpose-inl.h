// Transposing through registers, and the symmetric part of a square matrix.
#if defined(METAPLASTIC_KERNELS_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METAPLASTIC_KERNELS_TRANSPOSE_INL_H_
#undef METAPLASTIC_KERNELS_TRANSPOSE_INL_H_
#else
#define METAPLASTIC_KERNELS_TRANSPOSE_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors consist of blocks of 128 bits, within which they can be interleaved.
template <class T>
constexpr int kBlockLanes = HWY_TARGET == HWY_SCALAR ? 1 : 16 / sizeof(T);

#if HWY_TARGET == HWY_SCALAR
template <class T>
HWY_INLINE void transpose_strip(const T* x, std::ptrdiff_t, T* out, std::ptrdiff_t) {
  *out = *x;
}
#else
// A vector whose block q is read from row q * kBlockLanes of x.
template <class D, class T>
HWY_INLINE hn::Vec<D> load_blocks(D d, const T* x, std::ptrdiff_t ld) {
  if constexpr (hn::MaxLanes(D()) <= kBlockLanes<T>) {
    return hn::LoadU(d, x);
  } else {
    const hn::Half<D> half;
    const std::ptrdiff_t rows = hn::MaxLanes(D()) / 2;
    return hn::Combine(d, load_blocks(half, x + rows * ld, ld), load_blocks(half, x, ld));
  }
}

// out[c,r] = x[r,c] for one vector of rows r and kBlockLanes columns c.
template <class T>
HWY_INLINE void transpose_strip(const T* x, std::ptrdiff_t ld, T* out, std::ptrdiff_t ld_out) {
  const hn::ScalableTag<T> d;
  if constexpr (kBlockLanes<T> == 4) {
    const hn::Repartition<double, decltype(d)> d64;
    const auto x0 = load_blocks(d, x, ld), x1 = load_blocks(d, x + ld, ld),
               x2 = load_blocks(d, x + 2 * ld, ld), x3 = load_blocks(d, x + 3 * ld, ld);
    const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, x0, x1));
    const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, x2, x3));
    const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, x0, x1));
    const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, x2, x3));
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, low01, low23)), d, out);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23)), d, out + ld_out);
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, high01, high23)), d, out + 2 * ld_out);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23)), d, out + 3 * ld_out);
  } else {
    const auto x0 = load_blocks(d, x, ld), x1 = load_blocks(d, x + ld, ld);
    hn::StoreU(hn::InterleaveLower(d, x0, x1), d, out);
    hn::StoreU(hn::InterleaveUpper(d, x0, x1), d, out + ld_out);
  }
}
#endif

// out [cols,rows] = x [rows,cols] transposed, with leading dimensions.
template <class T>
HWY_INLINE void transpose(const T* x, std::ptrdiff_t ld, int rows, int cols, T* out,
                          std::ptrdiff_t ld_out) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  int r = 0;
  for (; r + N <= rows; r += N) {
    int c = 0;
    for (; c + kBlockLanes<T> <= cols; c += kBlockLanes<T>)
      transpose_strip(x + r * ld + c, ld, out + c * ld_out + r, ld_out);
    for (; c < cols; ++c)
      for (int i = r; i < r + N; ++i) out[c * ld_out + i] = x[i * ld + c];
  }
  for (; r < rows; ++r)
    for (int c = 0; c < cols; ++c) out[c * ld_out + r] = x[r * ld + c];
}

// The same for a square of one vector by one vector.
template <class T>
HWY_INLINE void transpose_square(const T* x, std::ptrdiff_t ld, T* out) {
  const int N = static_cast<int>(hn::Lanes(hn::ScalableTag<T>()));
  for (int c = 0; c < N; c += kBlockLanes<T>) transpose_strip(x + c, ld, out + c * N, N);
}

// The tile of `symmetric_sum` at rows i0 and columns j0 >= i0, and its mirror image.
template <class T>
HWY_INLINE void symmetric_tile(const T* m, int U, T scale, bool accumulate, int i0, int j0,
                               T* out) {
  const hn::ScalableTag<T> d;
  constexpr int kMaxLanes = HWY_MAX_BYTES / sizeof(T);
  HWY_ALIGN T mirror[kMaxLanes * kMaxLanes];
  HWY_ALIGN T sum[kMaxLanes * kMaxLanes];
  const int N = static_cast<int>(hn::Lanes(d));
  const auto add = [&](const T* tile, int row, int col) {
    for (int r = 0; r < N; ++r) {
      T* to = out + std::ptrdiff_t{row + r} * U + col;
      const auto value = hn::Load(d, tile + r * N);
      hn::StoreU(accumulate ? hn::Add(hn::LoadU(d, to), value) : value, d, to);
    }
  };
  transpose_square(m + std::ptrdiff_t{j0} * U + i0, U, mirror);
  for (int r = 0; r < N; ++r) {
    const auto here = hn::LoadU(d, m + std::ptrdiff_t{i0 + r} * U + j0);
    hn::Store(hn::Mul(hn::Set(d, scale), hn::Add(here, hn::Load(d, mirror + r * N))), d,
              sum + r * N);
  }
  if (i0 == j0)
    for (int r = 0; r < N; ++r) sum[r * N + r] = T(0);
  add(sum, i0, j0);
  if (i0 == j0) return;
  transpose_square(sum, N, mirror);
  add(mirror, j0, i0);
}

template <class T>
void symmetric_sum(const T* m, int U, T scale, bool accumulate, T* out) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  const int whole = U / N * N;
  for (int i0 = 0; i0 < whole; i0 += N)
    for (int j0 = i0; j0 < whole; j0 += N) symmetric_tile(m, U, scale, accumulate, i0, j0, out);
  for (int i = whole; i < U; ++i)
    for (int j = 0; j <= i; ++j) {
      const std::ptrdiff_t at = std::ptrdiff_t{i} * U + j, mirror = std::ptrdiff_t{j} * U + i;
      const T value = i == j ? T(0) : scale * (m[mirror] + m[at]);
      out[at] = accumulate ? out[at] + value : value;
      if (i != j) out[mirror] = accumulate ? out[mirror] + value : value;
    }
}

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#endif
