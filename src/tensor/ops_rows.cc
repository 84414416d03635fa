// Rows and columns of a matrix scaled by what rows of others say.
#include "tensor/ops.h"

namespace metaplastic {

template <class T>
Var<T> scale_by_dots(Tape<T>& tape, const Var<T>& a, const Var<T>& b, const Var<T>& x, T alpha) {
  METAPLASTIC_CHECK(a.dims == b.dims && a.units() == x.units());
  const int U = x.units(), k = a.channels() * a.examples(), n = x.channels() * x.examples();
  const Var<T> y = tape.make(U, x.channels(), x.examples(),
                             a.needs_gradient() || b.needs_gradient() || x.needs_gradient());
  const auto row = [](const Var<T>& value, int u) { return value.data + u * value.unit_stride; };
  for (int u = 0; u < U; ++u) {
    const T factor = alpha * kernels<T>().dot(row(a, u), row(b, u), k);
    kernels<T>().axpy(factor, row(x, u), n, false, row(y, u));
  }
  tape.on_backward(y, [&tape, a, b, x, y, alpha, U, k, n, row] {
    // x_bar = alpha (a . b) y_bar, a_bar = alpha (x . y_bar) b, b_bar = alpha (x . y_bar) a.
    const auto bar_of = [&](const Var<T>& input) -> T* {
      return input.needs_gradient() ? tape.bar(input) : nullptr;
    };
    const T* y_bar = tape.bar(y);
    T *a_bar = bar_of(a), *b_bar = bar_of(b), *x_bar = bar_of(x);
    for (int u = 0; u < U; ++u) {
      const T* bar = y_bar + u * y.unit_stride;
      const auto add = [&](T factor, const T* values, int length, const Var<T>& input, T* to) {
        if (to) kernels<T>().axpy(factor, values, length, true, to + u * input.unit_stride);
      };
      const T along = alpha * kernels<T>().dot(row(x, u), bar, n);
      add(alpha * kernels<T>().dot(row(a, u), row(b, u), k), bar, n, x, x_bar);
      add(along, row(b, u), k, a, a_bar);
      add(along, row(a, u), k, b, b_bar);
    }
  });
  return y;
}

template <class T>
Var<T> scale_columns_by_dots(Tape<T>& tape, const Var<T>& a, const Var<T>& b, const Var<T>& x,
                             T alpha) {
  METAPLASTIC_CHECK(a.dims == b.dims && a.units() == x.cols());
  const int m = x.rows(), U = x.cols(), k = a.channels() * a.examples();
  METAPLASTIC_CHECK(x.unit_stride == U);
  const Var<T> y =
      tape.make(m, 1, U, a.needs_gradient() || b.needs_gradient() || x.needs_gradient());
  const auto row = [](const Var<T>& value, int u) { return value.data + u * value.unit_stride; };
  T* factors = tape.scratch(U);
  for (int u = 0; u < U; ++u) factors[u] = alpha * kernels<T>().dot(row(a, u), row(b, u), k);
  kernels<T>().scale_columns(x.data, factors, m, U, y.data);
  tape.on_backward(y, [&tape, a, b, x, y, alpha, factors, m, U, k, row] {
    // As above, with columns of x.
    const T* y_bar = tape.bar(y);
    if (x.needs_gradient()) {
      T* x_bar = tape.bar(x);
      for (int i = 0; i < m; ++i)
        for (int u = 0; u < U; ++u) x_bar[i * U + u] += factors[u] * y_bar[i * U + u];
    }
    T* along = tape.scratch(U);
    kernels<T>().column_dots(x.data, y_bar, m, U, U, along);
    T* a_bar = a.needs_gradient() ? tape.bar(a) : nullptr;
    T* b_bar = b.needs_gradient() ? tape.bar(b) : nullptr;
    for (int u = 0; u < U; ++u) {
      const T factor = alpha * along[u];
      if (a_bar) kernels<T>().axpy(factor, row(b, u), k, true, a_bar + u * a.unit_stride);
      if (b_bar) kernels<T>().axpy(factor, row(a, u), k, true, b_bar + u * b.unit_stride);
    }
  });
  return y;
}

#define METAPLASTIC_INSTANTIATE(T)                                                         \
  template Var<T> scale_by_dots(Tape<T>&, const Var<T>&, const Var<T>&, const Var<T>&, T); \
  template Var<T> scale_columns_by_dots(Tape<T>&, const Var<T>&, const Var<T>&, const Var<T>&, T);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
