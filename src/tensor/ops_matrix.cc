#include <cmath>

#include "tensor/blas.h"
#include "tensor/ops.h"

namespace metaplastic {

template <class T>
Var<T> reshape(const Var<T>& value, int units, int channels, int examples) {
  METAPLASTIC_CHECK(value.contiguous() && value.first_channel == 0);
  METAPLASTIC_CHECK(std::ptrdiff_t{units} * channels * examples == value.size());
  Var<T> view = value;
  view.dims = {units, channels, examples};
  view.unit_stride = std::ptrdiff_t{channels} * examples;
  return view;
}

namespace {

// Above this our own kernel, which does not block for the caches, loses to BLAS.
constexpr std::size_t kSmallProductBytes = std::size_t{4} << 20;

// C [m,n] (+)= alpha op(A) op(B).
template <class T>
void product(Tape<T>& tape, bool transpose_a, bool transpose_b, int m, int n, int k, T alpha,
             const T* a, std::ptrdiff_t lda, const T* b, std::ptrdiff_t ldb, bool accumulate, T* c,
             std::ptrdiff_t ldc) {
  const auto M = static_cast<std::size_t>(m), N = static_cast<std::size_t>(n),
             K = static_cast<std::size_t>(k);
  if ((M * K + K * N + M * N) * sizeof(T) > kSmallProductBytes) {
    gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, accumulate ? T(1) : T(0), c,
         ldc);
    return;
  }
  const std::size_t bytes = K * (N + kPackMultiple) * sizeof(T);
  T* packed = static_cast<T*>(tape.arena().allocate(bytes));
  kernels<T>().gemm_small(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, accumulate, c,
                          ldc, packed);
  tape.arena().release(packed, bytes);
}

// X_bar (+)= alpha op(P) op(Q), the adjoint of one factor of a product.
template <class T>
void add_product(Tape<T>& tape, const Var<T>& x, bool tp, const T* p, std::ptrdiff_t ldp, bool tq,
                 const T* q, std::ptrdiff_t ldq, int k, T alpha) {
  const Bar<T> bar = tape.bar_for_writing(x);
  const int columns = x.channels() * x.examples();
  product(tape, tp, tq, x.units(), columns, k, alpha, p, ldp, q, ldq, bar.accumulate, bar.data,
          x.unit_stride);
}

}  // namespace

template <class T>
Var<T> matmul(Tape<T>& tape, const Var<T>& a, bool transpose_a, const Var<T>& b, bool transpose_b,
              T alpha) {
  const int a_columns = a.channels() * a.examples(), b_columns = b.channels() * b.examples();
  const int m = transpose_a ? a_columns : a.units();
  const int k = transpose_a ? a.units() : a_columns;
  METAPLASTIC_CHECK(k == (transpose_b ? b_columns : b.units()));
  const int channels = transpose_b ? 1 : b.channels();
  const int examples = transpose_b ? b.units() : b.examples();
  const int n = channels * examples;
  const Var<T> c = tape.make(m, channels, examples, a.needs_gradient() || b.needs_gradient());
  product(tape, transpose_a, transpose_b, m, n, k, alpha, a.data, a.unit_stride, b.data,
          b.unit_stride, false, c.data, n);
  tape.on_backward(c, [&tape, a, b, c, transpose_a, transpose_b, alpha, m, n] {
    const T* c_bar = tape.bar(c);
    if (a.needs_gradient()) {
      if (transpose_a) {
        add_product(tape, a, transpose_b, b.data, b.unit_stride, true, c_bar, n, n, alpha);
      } else {
        add_product(tape, a, false, c_bar, n, !transpose_b, b.data, b.unit_stride, n, alpha);
      }
    }
    if (b.needs_gradient()) {
      if (transpose_b) {
        add_product(tape, b, true, c_bar, n, transpose_a, a.data, a.unit_stride, m, alpha);
      } else {
        add_product(tape, b, !transpose_a, a.data, a.unit_stride, false, c_bar, n, m, alpha);
      }
    }
  });
  return c;
}

template <class T>
Var<T> off_diagonal(Tape<T>& tape, const Var<T>& m, T alpha) {
  METAPLASTIC_CHECK(m.rows() == m.cols() && m.channels() == 1 && m.contiguous());
  const int U = m.rows();
  const Var<T> out = tape.make(U, U, m.needs_gradient());
  kernels<T>().axpy(alpha, m.data, m.size(), false, out.data);
  for (int u = 0; u < U; ++u) out.data[std::ptrdiff_t{u} * U + u] = T(0);
  tape.on_backward(out, [&tape, m, out, alpha, U] {
    T* out_bar = tape.bar(out);
    for (int u = 0; u < U; ++u) out_bar[std::ptrdiff_t{u} * U + u] = T(0);
    const Bar<T> bar = tape.bar_for_writing(m);
    kernels<T>().axpy(alpha, out_bar, m.size(), bar.accumulate, bar.data);
  });
  return out;
}

namespace {

// out (+)= scale (M + M^T) off the diagonal, 0 on it; in tiles so that both reads stay in cache.
template <class T>
void add_symmetric(const T* m, int U, T scale, bool accumulate, T* out) {
  constexpr int kTile = 32;
  for (int i0 = 0; i0 < U; i0 += kTile)
    for (int j0 = 0; j0 < U; j0 += kTile)
      for (int i = i0; i < std::min(U, i0 + kTile); ++i)
        for (int j = j0; j < std::min(U, j0 + kTile); ++j) {
          const std::ptrdiff_t at = std::ptrdiff_t{i} * U + j;
          const T value = i == j ? T(0) : scale * (m[at] + m[std::ptrdiff_t{j} * U + i]);
          out[at] = accumulate ? out[at] + value : value;
        }
}

}  // namespace

template <class T>
Var<T> symmetrise(Tape<T>& tape, const Var<T>& m) {
  METAPLASTIC_CHECK(m.rows() == m.cols() && m.channels() == 1 && m.contiguous());
  const int U = m.rows();
  const T scale = T(1) / std::sqrt(T(2) * T(U));
  const Var<T> out = tape.make(U, U, m.needs_gradient());
  add_symmetric(m.data, U, scale, false, out.data);
  tape.on_backward(out, [&tape, m, out, scale, U] {
    const Bar<T> bar = tape.bar_for_writing(m);
    add_symmetric(tape.bar(out), U, scale, bar.accumulate, bar.data);
  });
  return out;
}

template <class T>
Var<T> combine(Tape<T>& tape, T alpha, const Var<T>& a, T beta, const Var<T>& b) {
  METAPLASTIC_CHECK(a.dims == b.dims && a.contiguous() && b.contiguous());
  const Var<T> out =
      tape.make(a.dims[0], a.dims[1], a.dims[2], a.needs_gradient() || b.needs_gradient());
  kernels<T>().axpy(alpha, a.data, a.size(), false, out.data);
  kernels<T>().axpy(beta, b.data, b.size(), true, out.data);
  tape.on_backward(out, [&tape, a, b, out, alpha, beta] {
    const T* out_bar = tape.bar(out);
    for (const auto& [input, factor] : {std::pair{a, alpha}, std::pair{b, beta}}) {
      if (!input.needs_gradient()) continue;
      const Bar<T> bar = tape.bar_for_writing(input);
      kernels<T>().axpy(factor, out_bar, input.size(), bar.accumulate, bar.data);
    }
  });
  return out;
}

#define METAPLASTIC_INSTANTIATE(T)                                               \
  template Var<T> reshape(const Var<T>&, int, int, int);                         \
  template Var<T> matmul(Tape<T>&, const Var<T>&, bool, const Var<T>&, bool, T); \
  template Var<T> off_diagonal(Tape<T>&, const Var<T>&, T);                      \
  template Var<T> symmetrise(Tape<T>&, const Var<T>&);                           \
  template Var<T> combine(Tape<T>&, T, const Var<T>&, T, const Var<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
