#include <algorithm>
#include <cmath>

#include "tensor/ops.h"
#include "tensor/released.h"

namespace metaplastic {
namespace {

constexpr int kStatistics = 4;  // of one side

// Calls visit(u, w, bar place) over all weights of the side: of column u (incoming) or row u.
template <class T, class Visit>
void for_weights(const Var<T>& w, bool incoming, const Visit& visit) {
  for (int i = 0; i < w.rows(); ++i)
    for (int j = 0; j < w.cols(); ++j) visit(incoming ? j : i, std::ptrdiff_t{i} * w.cols() + j);
}

// out [U,8], its four columns of this side.
template <class T>
void moments_of_side(const Var<T>& w, bool incoming, T rms_eps, T deviation_eps, T* out) {
  const int U = incoming ? w.cols() : w.rows();
  const T share = T(1) / T(incoming ? w.rows() : w.cols());
  const auto at = [&](int u) { return out + std::ptrdiff_t{2 * kStatistics} * u; };
  for_weights(w, incoming, [&](int u, std::ptrdiff_t i) {
    at(u)[0] += std::abs(w.data[i]) * share;
    at(u)[1] += w.data[i] * w.data[i] * share;
    at(u)[2] += w.data[i] * share;
  });
  for_weights(w, incoming, [&](int u, std::ptrdiff_t i) {
    const T off = w.data[i] - at(u)[2];
    at(u)[3] += off * off * share;
  });
  for (int u = 0; u < U; ++u) {
    at(u)[1] = std::sqrt(at(u)[1] + rms_eps);
    at(u)[3] = std::sqrt(at(u)[3] + deviation_eps);
  }
}

template <class T>
void moments_of_side_vjp(const Var<T>& w, bool incoming, const T* value, const T* bars, T* w_bar) {
  const T share = T(1) / T(incoming ? w.rows() : w.cols());
  for_weights(w, incoming, [&](int u, std::ptrdiff_t i) {
    const T *v = value + std::ptrdiff_t{2 * kStatistics} * u,
            *bar = bars + std::ptrdiff_t{2 * kStatistics} * u;
    const T sign = T(w.data[i] > T(0)) - T(w.data[i] < T(0));
    w_bar[i] += share * (bar[0] * sign + bar[1] * w.data[i] / v[1] + bar[2] +
                         bar[3] * (w.data[i] - v[2]) / v[3]);
  });
}

}  // namespace

template <class T>
Var<T> weight_moments(Tape<T>& tape, const Var<T>* w_in, const Var<T>* w_out, T rms_eps,
                      T deviation_eps) {
  METAPLASTIC_CHECK(w_in != nullptr || w_out != nullptr);
  const int U = w_in ? w_in->cols() : w_out->rows();
  METAPLASTIC_CHECK(!w_in || !w_out || w_out->rows() == U);
  const bool needs = (w_in && w_in->needs_gradient()) || (w_out && w_out->needs_gradient());
  const Var<T> y = tape.make(U, 2 * kStatistics, needs);
  std::fill_n(y.data, y.size(), T(0));
  if (w_in) moments_of_side(*w_in, true, rms_eps, deviation_eps, y.data);
  if (w_out) moments_of_side(*w_out, false, rms_eps, deviation_eps, y.data + kStatistics);
  for (int u = 0; u < U; ++u) {
    T *in = y.data + std::ptrdiff_t{2 * kStatistics} * u, *out = in + kStatistics;
    if (!w_in) std::copy_n(out, kStatistics, in);
    if (!w_out) std::copy_n(in, kStatistics, out);
  }
  const bool both = w_in && w_out;
  const Var<T> in = w_in ? *w_in : Var<T>{}, out = w_out ? *w_out : Var<T>{};
  tape.on_backward(y, [&tape, y, in, out, both, U] {
    T* bars = tape.bar(y);
    // A side that stands twice collects both bars.
    for (int u = 0; u < U && !both; ++u) {
      T *first = bars + std::ptrdiff_t{2 * kStatistics} * u, *second = first + kStatistics;
      for (int k = 0; k < kStatistics; ++k) first[k] = second[k] = first[k] + second[k];
    }
    if (in.data && in.needs_gradient()) moments_of_side_vjp(in, true, y.data, bars, tape.bar(in));
    if (out.data && out.needs_gradient())
      moments_of_side_vjp(out, false, y.data + kStatistics, bars + kStatistics, tape.bar(out));
  });
  return y;
}

template <class T>
Var<T> remove_shrinking_whole(Tape<T>& tape, const Var<T>& step, const Var<T>& w) {
  METAPLASTIC_CHECK(step.dims == w.dims && step.contiguous() && w.contiguous());
  const std::ptrdiff_t n = w.size();
  const Var<T> y = tape.make(w.rows(), w.cols(), step.needs_gradient() || w.needs_gradient());
  const T along = std::max(T(0), kernels<T>().dot(step.data, w.data, n) / T(n));
  kernels<T>().add_to(step.data, n, false, y.data);
  kernels<T>().axpy(-along, w.data, n, true, y.data);
  tape.on_backward(y, [&tape, step, w, y, along, n] {
    // along_bar = -sum y_bar w where the relu is open; step_bar = y_bar + w along_bar / n;
    // w_bar = -y_bar along + step along_bar / n.
    const T* y_bar = tape.bar(y);
    const T along_bar = along > T(0) ? -kernels<T>().dot(y_bar, w.data, n) / T(n) : T(0);
    if (step.needs_gradient()) {
      const Bar<T> bar = tape.bar_for_writing(step);
      kernels<T>().add_to(y_bar, n, bar.accumulate, bar.data);
      kernels<T>().axpy(along_bar, w.data, n, true, bar.data);
    }
    if (w.needs_gradient()) {
      const Bar<T> bar = tape.bar_for_writing(w);
      kernels<T>().axpy(-along, y_bar, n, bar.accumulate, bar.data);
      kernels<T>().axpy(along_bar, step.data, n, true, bar.data);
    }
  });
  return y;
}

template <class T>
Var<T> add_scalar(Tape<T>& tape, const Var<T>& x, const Var<T>& s, T factor) {
  METAPLASTIC_CHECK(x.contiguous() && s.size() == 1);
  const Var<T> y =
      tape.make(x.dims[0], x.dims[1], x.dims[2], x.needs_gradient() || s.needs_gradient());
  for (std::ptrdiff_t i = 0; i < x.size(); ++i) y.data[i] = x.data[i] + factor * s.data[0];
  tape.on_backward(y, [&tape, x, s, y, factor] {
    const T* y_bar = tape.bar(y);
    if (x.needs_gradient()) {
      const Bar<T> bar = tape.bar_for_writing(x);
      kernels<T>().add_to(y_bar, x.size(), bar.accumulate, bar.data);
    }
    if (!s.needs_gradient()) return;
    T sum = T(0);
    for (int u = 0; u < y.units(); ++u)
      kernels<T>().row_sums(y_bar + u * y.unit_stride, 1, static_cast<int>(y.unit_stride), &sum);
    tape.bar(s)[0] += factor * sum;
  });
  return y;
}

template <class T>
Var<T> repeat_over_examples(Tape<T>& tape, const Var<T>& v, int B) {
  METAPLASTIC_CHECK(v.channels() == 1 && v.contiguous());
  const int U = v.rows(), n = v.cols();
  const Var<T> y = tape.make(U, n, B, v.needs_gradient());
  for (std::ptrdiff_t i = 0; i < v.size(); ++i) std::fill_n(y.data + i * B, B, v.data[i]);
  tape.on_backward(
      y, [&tape, v, y, U, n, B] { kernels<T>().row_sums(tape.bar(y), U * n, B, tape.bar(v)); });
  return y;
}

#define METAPLASTIC_INSTANTIATE(T)                                                \
  template Var<T> weight_moments(Tape<T>&, const Var<T>*, const Var<T>*, T, T);   \
  template Var<T> remove_shrinking_whole(Tape<T>&, const Var<T>&, const Var<T>&); \
  template Var<T> add_scalar(Tape<T>&, const Var<T>&, const Var<T>&, T);          \
  template Var<T> repeat_over_examples(Tape<T>&, const Var<T>&, int);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
