#include <algorithm>
#include <cmath>

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

// Above this a product is summed up in blocks of its inner dimension, so that what a register tile
// reads of B stays in the second-level cache.
constexpr std::size_t kSmallProductBytes = std::size_t{4} << 20;
constexpr int kDepth = 1024;
// Multiply-adds of a product that take as long as an operation element by element.
constexpr double kOperationsPerElement = 4;
constexpr int kRowsOfPiece = 12;  // whole register tiles

// C [m,n] (+)= alpha op(A) op(B).
template <class T>
struct Product {
  bool transpose_a, transpose_b;
  int m, n, k;
  T alpha;
  const T* a;
  std::ptrdiff_t lda;
  const T* b;
  std::ptrdiff_t ldb;
  bool accumulate;
  T* c;
  std::ptrdiff_t ldc;

  std::size_t bytes() const {
    const auto M = static_cast<std::size_t>(m), N = static_cast<std::size_t>(n),
               K = static_cast<std::size_t>(k);
    return (M * K + K * N + M * N) * sizeof(T);
  }
  int depth() const { return bytes() > kSmallProductBytes ? std::min(k, kDepth) : k; }
  std::ptrdiff_t packed_size() const { return std::ptrdiff_t{depth()} * (n + kPackMultiple); }
  // Rows [first, last) and columns [left, right) of C by our own kernel. Every element is the same
  // sum whatever they are.
  void run(int first, int last, int left, int right, T* packed) const {
    const int block = std::max(1, depth());
    for (int from = 0; from == 0 || from < k; from += block) {
      kernels<T>().gemm_small(
          transpose_a, transpose_b, last - first, right - left, std::min(block, k - from), alpha,
          a + first * (transpose_a ? 1 : lda) + from * (transpose_a ? lda : 1), lda,
          b + left * (transpose_b ? ldb : 1) + from * (transpose_b ? 1 : ldb), ldb,
          accumulate || from > 0, c + first * ldc + left, ldc, packed);
    }
  }
};

template <class T>
void product(Tape<T>& tape, bool transpose_a, bool transpose_b, int m, int n, int k, T alpha,
             const T* a, std::ptrdiff_t lda, const T* b, std::ptrdiff_t ldb, bool accumulate, T* c,
             std::ptrdiff_t ldc) {
  const Product<T> p{transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, accumulate, c, ldc};
  // Pieces of columns pack what they read of B; few columns go in pieces of rows, which pack all.
  const bool by_columns = n >= kPackMultiple * tape.num_workers();
  const std::ptrdiff_t size = p.packed_size();
  T* packed = tape.scratch(tape.num_workers() * size);
  const double work = double(m) * n * k / kOperationsPerElement;
  if (by_columns) {
    tape.in_pieces(n, kPackMultiple, work, [&](int worker, int left, int right) {
      p.run(0, m, left, right, packed + worker * size);
    });
  } else {
    tape.in_pieces(m, kRowsOfPiece, work, [&](int worker, int first, int last) {
      p.run(first, last, 0, n, packed + worker * size);
    });
  }
  tape.release_scratch(packed, tape.num_workers() * size);
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
  tape.for_each(U, double(m.size()), [&](int u) {
    const std::ptrdiff_t row = std::ptrdiff_t{u} * U;
    kernels<T>().axpy(alpha, m.data + row, U, false, out.data + row);
    out.data[row + u] = T(0);
  });
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
  const auto panel = [&](int j) {
    const T* rows = x.data + j * x.unit_stride;
    return Product<T>{false, true,          U - j, std::min(kPanel, U - j),
                      k,     alpha,         rows,  x.unit_stride,
                      rows,  x.unit_stride, false, out + std::ptrdiff_t{j} * (U + 1),
                      U};
  };
  const std::ptrdiff_t size =
      std::ptrdiff_t{k} * (kPanel + kPackMultiple);  // of the smallest panels
  T* packed = tape.scratch(tape.num_workers() * size);
  tape.in_pieces((U + kPanel - 1) / kPanel, 1, double(U) * U * k / (2 * kOperationsPerElement),
                 [&](int worker, int first, int last) {
                   for (int n = first; n < last; ++n) {
                     const Product<T> p = panel(n * kPanel);
                     p.run(0, p.m, 0, p.n, packed + worker * size);
                   }
                 });
  tape.release_scratch(packed, tape.num_workers() * size);
  tape.for_each(U, 2.0 * U * U, [&](int i) {  // the mirror image
    T* const row = out + std::ptrdiff_t{i} * U;
    for (int j = i + 1; j < U; ++j) row[j] = out[std::ptrdiff_t{j} * U + i];
    row[i] = T(0);
  });
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
  tape.in_pieces(static_cast<int>(a.size()), kPackMultiple, double(a.size()),
                 [&](int, int first, int last) {
                   kernels<T>().combine(alpha, a.data + first, beta, b.data + first, last - first,
                                        out.data + first);
                 });
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
