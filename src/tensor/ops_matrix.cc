#include <algorithm>
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

template <class T>
Var<T> symmetrise(Tape<T>& tape, const Var<T>& m) {
  METAPLASTIC_CHECK(m.rows() == m.cols() && m.channels() == 1 && m.contiguous());
  const int U = m.rows();
  const T scale = T(1) / std::sqrt(T(2) * T(U));
  const Var<T> out = tape.make(U, U, m.needs_gradient());
  kernels<T>().symmetric_sum(m.data, U, scale, false, out.data);
  tape.on_backward(out, [&tape, m, out, scale, U] {
    const Bar<T> bar = tape.bar_for_writing(m);
    kernels<T>().symmetric_sum(tape.bar(out), U, scale, bar.accumulate, bar.data);
  });
  return out;
}

namespace {

// out [U,U] = alpha x x^T, computed below the diagonal and in the blocks on it, in panels of
// columns; what lies above is left as it is.
template <class T>
void lower_product(Tape<T>& tape, const Var<T>& x, T alpha, T* out) {
  constexpr int kPanel = 32;
  const int U = x.units(), k = x.channels() * x.examples();
  for (int j = 0; j < U; j += kPanel) {
    const T* panel = x.data + j * x.unit_stride;
    product(tape, false, true, U - j, std::min(kPanel, U - j), k, alpha, panel, x.unit_stride,
            panel, x.unit_stride, false, out + std::ptrdiff_t{j} * (U + 1), U);
  }
  for (int i = 0; i < U; ++i)  // the mirror image
    for (int j = i + 1; j < U; ++j) out[std::ptrdiff_t{i} * U + j] = out[std::ptrdiff_t{j} * U + i];
  for (int i = 0; i < U; ++i) out[std::ptrdiff_t{i} * (U + 1)] = T(0);
}

}  // namespace

template <class T>
Var<T> symmetric_product(Tape<T>& tape, const Var<T>& a, const Var<T>& b, T alpha) {
  METAPLASTIC_CHECK(a.dims == b.dims);
  const int U = a.units(), k = a.channels() * a.examples();
  const bool square = a.data == b.data && a.id == b.id;
  const std::ptrdiff_t size = std::ptrdiff_t{U} * U;
  const Var<T> out = tape.make(U, U, a.needs_gradient() || b.needs_gradient());
  if (square) {
    lower_product(tape, a, T(2) * alpha, out.data);
  } else {
    T* m = tape.scratch(size);
    product(tape, false, true, U, U, k, T(1), a.data, a.unit_stride, b.data, b.unit_stride, false,
            m, U);
    kernels<T>().symmetric_sum(m, U, alpha, false, out.data);
    tape.release_scratch(m, size);
  }
  tape.on_backward(out, [&tape, a, b, out, alpha, square, U, size] {
    // With S = out_bar + out_bar^T off the diagonal: a_bar = alpha S b, b_bar = alpha S a.
    T* s = tape.scratch(size);
    kernels<T>().symmetric_sum(tape.bar(out), U, alpha, false, s);
    const auto add = [&](const Var<T>& x, const Var<T>& other, T factor) {
      if (x.needs_gradient())
        add_product(tape, x, false, s, U, false, other.data, other.unit_stride, U, factor);
    };
    add(a, b, square ? T(2) : T(1));
    if (!square) add(b, a, T(1));
    tape.release_scratch(s, size);
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
  template Var<T> symmetric_product(Tape<T>&, const Var<T>&, const Var<T>&, T);  \
  template Var<T> combine(Tape<T>&, T, const Var<T>&, T, const Var<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
