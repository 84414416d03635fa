#include <algorithm>
#include <cmath>

#include "tensor/ops.h"

namespace metaplastic {

template <class T>
Var<T> standardise(Tape<T>& tape, const Var<T>& x, T eps, int num_parts) {
  METAPLASTIC_CHECK(x.channels() == 1 && x.examples() % num_parts == 0);
  const int U = x.units(), B = x.examples();
  if (num_parts > 1) {
    const Var<T> parts = reshape(x, U * num_parts, 1, B / num_parts);
    return reshape(standardise(tape, parts, eps), U, 1, B);
  }
  const Var<T> y = tape.make(U, 1, B, x.needs_gradient());
  T* inv = tape.scratch(U);
  tape.for_each(U, 3.0 * double(x.size()), [&](int u) {
    const T* row = x.data + u * x.unit_stride;
    T mean = T(0), unused = T(0), square = T(0);
    kernels<T>().row_sums(row, 1, B, &mean);
    mean /= T(B);
    kernels<T>().row_moments(row, &mean, 1, B, &unused, &square);
    inv[u] = T(1) / std::sqrt(square / T(B) + eps);
    T* out = y.data + u * y.unit_stride;
    for (int b = 0; b < B; ++b) out[b] = (row[b] - mean) * inv[u];
  });
  tape.on_backward(y, [&tape, x, y, inv, U, B] {
    // x_bar = inv (y_bar - mean(y_bar) - y mean(y_bar y))
    const T* y_bar = tape.bar(y);
    T* x_bar = tape.bar(x);
    for (int u = 0; u < U; ++u) {
      const T *bar = y_bar + u * y.unit_stride, *value = y.data + u * y.unit_stride;
      T mean = T(0);
      kernels<T>().row_sums(bar, 1, B, &mean);
      mean /= T(B);
      const T along = kernels<T>().dot(bar, value, B) / T(B);
      T* out = x_bar + u * x.unit_stride;
      for (int b = 0; b < B; ++b) out[b] += inv[u] * (bar[b] - mean - value[b] * along);
    }
  });
  return y;
}

template <class T>
Var<T> add_unit_bias(Tape<T>& tape, const Var<T>& x, const Var<T>& b) {
  METAPLASTIC_CHECK(x.channels() == 1 && b.size() == x.units() && b.contiguous());
  const int U = x.units(), B = x.examples();
  const Var<T> y = tape.make(U, 1, B, x.needs_gradient() || b.needs_gradient());
  for (int u = 0; u < U; ++u)
    for (int i = 0; i < B; ++i)
      y.data[u * y.unit_stride + i] = x.data[u * x.unit_stride + i] + b.data[u];
  tape.on_backward(y, [&tape, x, b, y, U, B] {
    const T* y_bar = tape.bar(y);
    if (x.needs_gradient()) {
      const Bar<T> bar = tape.bar_for_writing(x);
      METAPLASTIC_CHECK(x.contiguous());
      kernels<T>().add_to(y_bar, x.size(), bar.accumulate, bar.data);
    }
    if (b.needs_gradient()) kernels<T>().row_sums(y_bar, U, B, tape.bar(b));
  });
  return y;
}

template <class T>
Var<T> mean_over_batch(Tape<T>& tape, const Var<T>& x) {
  METAPLASTIC_CHECK(x.channels() == 1);
  const int U = x.units(), B = x.examples();
  const Var<T> y = tape.make(1, U, x.needs_gradient());
  for (int u = 0; u < U; ++u) {
    y.data[u] = T(0);
    kernels<T>().row_sums(x.data + u * x.unit_stride, 1, B, y.data + u);
    y.data[u] /= T(B);
  }
  tape.on_backward(y, [&tape, x, y, U, B] {
    const T* y_bar = tape.bar(y);
    T* x_bar = tape.bar(x);
    for (int u = 0; u < U; ++u) {
      const T share = y_bar[u] / T(B);
      for (int b = 0; b < B; ++b) x_bar[u * x.unit_stride + b] += share;
    }
  });
  return y;
}

namespace {

// mean and 1/std per channel over units and examples. The first unit's means are subtracted
// before squaring, so that a mean far from zero costs no digits.
template <class T>
void channel_moments(Tape<T>& tape, const Var<T>& y, T eps, T* mean, T* inv) {
  const int U = y.units(), C = y.channels(), B = y.examples();
  T* center = tape.scratch(C);
  T* squares = tape.scratch(C);
  std::fill_n(center, C, T(0));
  kernels<T>().row_sums(y.data, C, B, center);
  for (int c = 0; c < C; ++c) center[c] /= T(B);
  std::fill_n(mean, C, T(0));
  std::fill_n(squares, C, T(0));
  for (int u = 0; u < U; ++u) {
    kernels<T>().row_moments(y.data + u * y.unit_stride, center, C, B, mean, squares);
  }
  const T share = T(1) / (T(U) * T(B));
  for (int c = 0; c < C; ++c) {
    mean[c] *= share;
    const T off = mean[c] - center[c];
    inv[c] = T(1) / std::sqrt(std::max(T(0), squares[c] * share - off * off) + eps);
  }
}

template <class T>
void norm_relu_backward(Tape<T>& tape, const Var<T>& y, const Var<T>& n, const Var<T>& offset,
                        const T* mean, const T* inv) {
  const int U = y.units(), C = y.channels(), B = y.examples();
  const T* n_bar = tape.bar(n);
  T* sum_g = tape.scratch(C);
  T* sum_gx = tape.scratch(C);
  std::fill_n(sum_g, C, T(0));
  std::fill_n(sum_gx, C, T(0));
  for (int u = 0; u < U; ++u) {
    kernels<T>().norm_relu_sums(y.data + u * y.unit_stride, n_bar + u * n.unit_stride, mean, inv,
                                offset.data, C, B, sum_g, sum_gx);
  }
  if (offset.needs_gradient()) kernels<T>().add_to(sum_g, C, true, tape.bar(offset));
  if (!y.needs_gradient()) return;
  const T share = T(1) / (T(U) * T(B));
  for (int c = 0; c < C; ++c) sum_g[c] *= share, sum_gx[c] *= share;
  const Bar<T> bar = tape.bar_for_writing(y);
  for (int u = 0; u < U; ++u) {
    kernels<T>().norm_relu_vjp(y.data + u * y.unit_stride, n_bar + u * n.unit_stride, mean, inv,
                               offset.data, sum_g, sum_gx, C, B, bar.accumulate,
                               bar.data + u * y.unit_stride);
  }
}

}  // namespace

template <class T>
Var<T> norm_relu(Tape<T>& tape, const Var<T>& y, T eps, const Var<T>* offset) {
  const int U = y.units(), C = y.channels(), B = y.examples();
  METAPLASTIC_CHECK(!offset || offset->size() == C);
  const Var<T> shift = offset ? *offset : Var<T>{};
  const Var<T> n = tape.make(U, C, B, y.needs_gradient() || shift.needs_gradient());
  T* mean = tape.scratch(C);
  T* inv = tape.scratch(C);
  channel_moments(tape, y, eps, mean, inv);
  for (int u = 0; u < U; ++u) {
    kernels<T>().norm_relu_unit(y.data + u * y.unit_stride, mean, inv, shift.data, C, B,
                                n.data + u * n.unit_stride);
  }
  tape.on_backward(
      n, [&tape, y, n, shift, mean, inv] { norm_relu_backward(tape, y, n, shift, mean, inv); });
  return n;
}

template <class T>
Var<T> moments_over_batch(Tape<T>& tape, const Var<T>& x, T eps) {
  const int U = x.units(), C = x.channels(), B = x.examples();
  const Var<T> y = tape.make(U, 2 * C, x.needs_gradient());
  T* unused = tape.scratch(C);
  for (int u = 0; u < U; ++u) {
    T* mean = y.data + u * y.unit_stride;
    T* deviation = mean + C;
    const T* unit = x.data + u * x.unit_stride;
    std::fill_n(mean, 2 * C, T(0));
    kernels<T>().row_sums(unit, C, B, mean);
    for (int c = 0; c < C; ++c) mean[c] /= T(B);
    std::fill_n(unused, C, T(0));
    kernels<T>().row_moments(unit, mean, C, B, unused, deviation);
    for (int c = 0; c < C; ++c) deviation[c] = std::sqrt(deviation[c] / T(B) + eps);
  }
  tape.on_backward(y, [&tape, x, y, U, C, B] {
    const T* y_bar = tape.bar(y);
    const Bar<T> bar = tape.bar_for_writing(x);
    for (int u = 0; u < U; ++u) {
      const T *value = y.data + u * y.unit_stride, *bars = y_bar + u * y.unit_stride;
      for (int c = 0; c < C; ++c) {
        const T slope = bars[C + c] / (value[C + c] * T(B));
        const T start = bars[c] / T(B) - slope * value[c];
        const T* row = x.data + u * x.unit_stride + std::ptrdiff_t{c} * B;
        T* out = bar.data + u * x.unit_stride + std::ptrdiff_t{c} * B;
        if (bar.accumulate) {
          for (int b = 0; b < B; ++b) out[b] += start + slope * row[b];
        } else {
          for (int b = 0; b < B; ++b) out[b] = start + slope * row[b];
        }
      }
    }
  });
  return y;
}

template <class T>
Var<T> moments_over_units(Tape<T>& tape, const Var<T>& x, T eps) {
  const int U = x.units(), C = x.channels(), B = x.examples();
  const std::ptrdiff_t n = std::ptrdiff_t{C} * B;
  const Var<T> y = tape.make(1, 2 * C, B, x.needs_gradient());
  T *mean = y.data, *deviation = y.data + n;
  std::fill_n(y.data, 2 * n, T(0));
  for (int u = 0; u < U; ++u) {
    const T* unit = x.data + u * x.unit_stride;
    kernels<T>().add_to(unit, n, true, mean);
    kernels<T>().multiply(unit, unit, n, true, deviation);
  }
  const T share = T(1) / T(U);
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    mean[i] *= share;
    // x is a ReLU's output: its mean is of the order of its spread, so this loses no digits.
    deviation[i] = std::sqrt(std::max(T(0), deviation[i] * share - mean[i] * mean[i]) + eps);
  }
  T* slope = y.needs_gradient() ? tape.scratch(2 * n) : nullptr;
  tape.on_backward(y, [&tape, x, y, slope, share, U, n] {
    const T* y_bar = tape.bar(y);
    T* start = slope + n;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      slope[i] = share * y_bar[n + i] / y.data[n + i];
      start[i] = share * y_bar[i] - slope[i] * y.data[i];
    }
    const Bar<T> bar = tape.bar_for_writing(x);
    for (int u = 0; u < U; ++u) {
      T* out = bar.data + u * x.unit_stride;
      kernels<T>().add_to(start, n, bar.accumulate, out);
      kernels<T>().multiply(slope, x.data + u * x.unit_stride, n, true, out);
    }
  });
  return y;
}

#define METAPLASTIC_INSTANTIATE(T)                                       \
  template Var<T> standardise(Tape<T>&, const Var<T>&, T, int);          \
  template Var<T> add_unit_bias(Tape<T>&, const Var<T>&, const Var<T>&); \
  template Var<T> mean_over_batch(Tape<T>&, const Var<T>&);              \
  template Var<T> norm_relu(Tape<T>&, const Var<T>&, T, const Var<T>*);  \
  template Var<T> moments_over_batch(Tape<T>&, const Var<T>&, T);        \
  template Var<T> moments_over_units(Tape<T>&, const Var<T>&, T);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
