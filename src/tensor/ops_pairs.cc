// Batches whose second half repeats the examples of the first: partners, and what they tell.
#include <algorithm>

#include "tensor/ops.h"

namespace metaplastic {

template <class T>
Var<T> swap_halves(Tape<T>& tape, const Var<T>& x) {
  METAPLASTIC_CHECK(x.channels() == 1 && x.examples() % 2 == 0);
  const int U = x.units(), half = x.examples() / 2;
  const Var<T> y = tape.make(U, 1, x.examples(), x.needs_gradient());
  tape.for_each(U, double(x.size()), [&](int u) {
    const T* row = x.data + u * x.unit_stride;
    T* out = y.data + u * y.unit_stride;
    std::copy_n(row + half, half, out);
    std::copy_n(row, half, out + half);
  });
  tape.on_backward(y, [&tape, x, y, U, half] {
    const T* y_bar = tape.bar(y);
    T* x_bar = tape.bar(x);
    for (int u = 0; u < U; ++u) {
      const T* bar = y_bar + u * y.unit_stride;
      kernels<T>().add_to(bar + half, half, true, x_bar + u * x.unit_stride);
      kernels<T>().add_to(bar, half, true, x_bar + u * x.unit_stride + half);
    }
  });
  return y;
}

template <class T>
Var<T> half_of(Tape<T>& tape, const Var<T>& x, int which) {
  METAPLASTIC_CHECK(x.channels() == 1 && x.examples() % 2 == 0 && (which == 0 || which == 1));
  const int U = x.units(), half = x.examples() / 2;
  const std::ptrdiff_t first = std::ptrdiff_t{which} * half;
  const Var<T> y = tape.make(U, 1, half, x.needs_gradient());
  for (int u = 0; u < U; ++u)
    std::copy_n(x.data + u * x.unit_stride + first, half, y.data + u * y.unit_stride);
  tape.on_backward(y, [&tape, x, y, U, half, first] {
    const T* y_bar = tape.bar(y);
    T* x_bar = tape.bar(x);
    for (int u = 0; u < U; ++u)
      kernels<T>().add_to(y_bar + u * y.unit_stride, half, true, x_bar + u * x.unit_stride + first);
  });
  return y;
}

template <class T>
Var<T> side_by_side(Tape<T>& tape, const Var<T>& a, T scale, const Var<T>& b) {
  const int U = a.units(), V = b.units(), B = a.examples();
  METAPLASTIC_CHECK(a.channels() == 1 && b.channels() == 1 && b.examples() == B);
  const Var<T> y = tape.make(U + V, 1, B, a.needs_gradient() || b.needs_gradient());
  for (int u = 0; u < U; ++u)
    for (int n = 0; n < B; ++n)
      y.data[u * y.unit_stride + n] = scale * a.data[u * a.unit_stride + n];
  for (int v = 0; v < V; ++v)
    std::copy_n(b.data + v * b.unit_stride, B, y.data + (U + v) * y.unit_stride);
  tape.on_backward(y, [&tape, a, b, y, scale, U, V, B] {
    const T* y_bar = tape.bar(y);
    if (T* const a_bar = a.needs_gradient() ? tape.bar(a) : nullptr)
      for (int u = 0; u < U; ++u)
        for (int n = 0; n < B; ++n)
          a_bar[u * a.unit_stride + n] += scale * y_bar[u * y.unit_stride + n];
    if (T* const b_bar = b.needs_gradient() ? tape.bar(b) : nullptr)
      for (int v = 0; v < V; ++v)
        kernels<T>().add_to(y_bar + (U + v) * y.unit_stride, B, true, b_bar + v * b.unit_stride);
  });
  return y;
}

template <class T>
Var<T> regress_out(Tape<T>& tape, const Var<T>& x, const Var<T>& s) {
  METAPLASTIC_CHECK(x.channels() == 1 && x.dims == s.dims);
  const int U = x.units(), B = x.examples();
  const Var<T> y = tape.make(U, 1, B, x.needs_gradient() || s.needs_gradient());
  T* slope = tape.scratch(U);
  tape.for_each(U, 3.0 * double(x.size()), [&](int u) {
    const T *row = x.data + u * x.unit_stride, *by = s.data + u * s.unit_stride;
    slope[u] = kernels<T>().dot(row, by, B) / T(B);
    T* out = y.data + u * y.unit_stride;
    for (int b = 0; b < B; ++b) out[b] = row[b] - slope[u] * by[b];
  });
  tape.on_backward(y, [&tape, x, s, y, slope, U, B] {
    // x_bar = y_bar - s mean(y_bar s), s_bar = -slope y_bar - x mean(y_bar s)
    const T* y_bar = tape.bar(y);
    T* x_bar = x.needs_gradient() ? tape.bar(x) : nullptr;
    T* s_bar = s.needs_gradient() ? tape.bar(s) : nullptr;
    for (int u = 0; u < U; ++u) {
      const T *bar = y_bar + u * y.unit_stride, *by = s.data + u * s.unit_stride;
      const T along = kernels<T>().dot(bar, by, B) / T(B);
      if (x_bar) {
        T* out = x_bar + u * x.unit_stride;
        for (int b = 0; b < B; ++b) out[b] += bar[b] - along * by[b];
      }
      if (s_bar) {
        const T* row = x.data + u * x.unit_stride;
        T* out = s_bar + u * s.unit_stride;
        for (int b = 0; b < B; ++b) out[b] -= slope[u] * bar[b] + along * row[b];
      }
    }
  });
  return y;
}

#define METAPLASTIC_INSTANTIATE(T)                                         \
  template Var<T> swap_halves(Tape<T>&, const Var<T>&);                    \
  template Var<T> half_of(Tape<T>&, const Var<T>&, int);                   \
  template Var<T> side_by_side(Tape<T>&, const Var<T>&, T, const Var<T>&); \
  template Var<T> regress_out(Tape<T>&, const Var<T>&, const Var<T>&);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
