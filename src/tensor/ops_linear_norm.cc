#include <cmath>

#include "tensor/ops_linear.h"

namespace metaplastic {
namespace {

// Everything that the adjoint needs again.
template <class T>
struct NormCall {
  LinearCall<T> map;
  NormedBatch<T> out;
  T* y;     // [U,Co,B] the map's values
  T* mean;  // [Co]
  T* inv;   // [Co] 1 / sqrt(variance + eps)
};

// The map, and the moments of each unit's values while they are in the cache. The first unit's
// means are subtracted before squaring, so that a mean far from zero costs no digits. Sums of units
// are added in their order.
template <class T>
void map_with_moments(Tape<T>& tape, const NormCall<T>& s, T eps) {
  const int U = s.map.U, C = s.map.Co, B = s.map.B;
  const LinearForward<T> map(tape, s.map);
  T* center = tape.scratch(C);
  T* sums = tape.scratch(std::ptrdiff_t{2} * U * C);  // [U,C], then of squares
  T* squares = sums + std::ptrdiff_t{U} * C;
  std::fill_n(sums, std::ptrdiff_t{2} * U * C, T(0));
  std::fill_n(center, C, T(0));
  map.unit(0, 0, s.y);
  kernels<T>().row_sums(s.y, C, B, center);
  for (int c = 0; c < C; ++c) center[c] /= T(B);
  tape.in_pieces(U, 1, map.work(), [&](int worker, int first, int last) {
    for (int u = first; u < last; ++u) {
      T* unit = s.y + u * s.map.unit_size();
      if (u > 0) map.unit(worker, u, unit);
      kernels<T>().row_moments(unit, center, C, B, sums + std::ptrdiff_t{u} * C,
                               squares + std::ptrdiff_t{u} * C);
    }
  });
  for (int u = 1; u < U; ++u) {
    kernels<T>().add_to(sums + std::ptrdiff_t{u} * C, C, true, sums);
    kernels<T>().add_to(squares + std::ptrdiff_t{u} * C, C, true, squares);
  }
  const T share = T(1) / (T(U) * T(B));
  for (int c = 0; c < C; ++c) {
    s.mean[c] = sums[c] * share;
    const T off = s.mean[c] - center[c];
    s.inv[c] = T(1) / std::sqrt(std::max(T(0), squares[c] * share - off * off) + eps);
  }
}

// The moments of the normed value, channel by channel, so that the sums over units are one
// worker's.
template <class T>
void take_moments(const Tape<T>& tape, const NormCall<T>& s, T eps) {
  const int U = s.map.U, C = s.map.Co, B = s.map.B;
  const std::ptrdiff_t size = s.map.unit_size();
  T *mean = s.out.over_units.data, *deviation = mean + size;  // [C,B] each
  std::fill_n(mean, 2 * size, T(0));
  const T share = T(1) / T(U);
  tape.in_pieces(C, 1, 4.0 * double(U * size), [&](int, int first, int last) {
    const std::ptrdiff_t at = std::ptrdiff_t{first} * B, end = std::ptrdiff_t{last} * B;
    for (int u = 0; u < U; ++u) {
      T* moments = s.out.over_batch.data + u * s.out.over_batch.unit_stride + first;  // of [2C]
      kernels<T>().norm_relu_moments(s.y + u * size + at, s.mean + first, s.inv + first,
                                     last - first, B, eps, moments, moments + C, mean + at,
                                     deviation + at);
    }
    for (std::ptrdiff_t i = at; i < end; ++i) {
      mean[i] *= share;
      // n is a ReLU's output: its mean is of the order of its spread, so this loses no digits.
      deviation[i] = std::sqrt(std::max(T(0), deviation[i] * share - mean[i] * mean[i]) + eps);
    }
  });
}

// What the bars of the moments add to n_bar: start + slope n, per example and per unit.
template <class T>
class MomentBars {
 public:
  MomentBars(Tape<T>& tape, const NormCall<T>& s) : s_(s) {
    if (!s.out.over_batch.data) return;
    const int U = s.map.U, C = s.map.Co;
    const std::ptrdiff_t size = s.map.unit_size();
    batch_bar_ = tape.bar(s.out.over_batch);
    const T* units_bar = tape.bar(s.out.over_units);
    const T *mean = s.out.over_units.data, *deviation = mean + size;
    start_ = tape.scratch(2 * size + 2 * C);
    slope_ = start_ + size;
    unit_start_ = slope_ + size;
    unit_slope_ = unit_start_ + C;
    const T share = T(1) / T(U);
    for (std::ptrdiff_t i = 0; i < size; ++i) {
      slope_[i] = share * units_bar[size + i] / deviation[i];
      start_[i] = share * units_bar[i] - slope_[i] * mean[i];
    }
  }
  // Adds the moments' part to n_bar of unit u, and sums up the bars of what passed the ReLU.
  void open(int u, T* n_bar, T* sum_g, T* sum_gn) {
    const int C = s_.map.Co, B = s_.map.B;
    if (batch_bar_) {
      const T* mean = s_.out.over_batch.data + u * s_.out.over_batch.unit_stride;
      const T* bars = batch_bar_ + u * s_.out.over_batch.unit_stride;
      for (int c = 0; c < C; ++c) {
        unit_slope_[c] = bars[C + c] / (mean[C + c] * T(B));
        unit_start_[c] = bars[c] / T(B) - unit_slope_[c] * mean[c];
      }
    }
    kernels<T>().norm_relu_open(s_.y + u * s_.map.unit_size(), s_.mean, s_.inv, unit_start_,
                                unit_slope_, start_, slope_, C, B, n_bar, sum_g, sum_gn);
  }

 private:
  const NormCall<T>& s_;
  const T* batch_bar_ = nullptr;
  T *start_ = nullptr, *slope_ = nullptr, *unit_start_ = nullptr, *unit_slope_ = nullptr;
};

// Two passes: the sums that the norm's adjoint needs of all units; then per unit the norm's
// adjoint into a buffer, from which the map's adjoint reads it in the cache.
template <class T>
void linear_norm_relu_vjp(Tape<T>& tape, const NormCall<T>& s) {
  const int U = s.map.U, C = s.map.Co, B = s.map.B;
  const std::ptrdiff_t size = s.map.unit_size();
  T* n_bar = tape.bar(s.out.n.n);
  T* sum_g = tape.scratch(3 * C);
  T *sum_gn = sum_g + C, *sums = sum_gn + C;
  std::fill_n(sum_g, 2 * C, T(0));
  MomentBars<T> moments(tape, s);
  for (int u = 0; u < U; ++u) moments.open(u, n_bar + u * size, sum_g, sum_gn);
  const T share = T(1) / (T(U) * T(B));
  for (int c = 0; c < 2 * C; ++c) sum_g[c] *= share;

  LinearAdjoint<T> adjoint(tape, s.map);
  T* y_bars = tape.scratch(adjoint.block() * size);
  for (int u = 0; u < U; ++u) {
    T* y_bar = y_bars + u % adjoint.block() * size;
    std::fill_n(sums, C, T(0));
    kernels<T>().norm_vjp(s.y + u * size, n_bar + u * size, s.mean, s.inv, sum_g, sum_gn, C, B,
                          y_bar, sums, adjoint.example_bar());
    adjoint.unit_offsets(u, sums);
    adjoint.unit(u, y_bar);
  }
  tape.release_scratch(y_bars, adjoint.block() * size);
  adjoint.finish();
  tape.release_scratch(s.y, U * size);
}

template <class T>
NormedBatch<T> run(Tape<T>& tape, const LinearCall<T>& map, T eps, bool with_moments,
                   T moments_eps) {
  const int U = map.U, C = map.Co, B = map.B;
  const bool needs = map.needs_gradient();
  NormCall<T> s{map, {}, nullptr, nullptr, nullptr};
  Normed<T>& normed = s.out.n;
  normed.n = needs ? tape.leaf(nullptr, U, C, B) : tape.constant(nullptr, U, C, B);
  if (with_moments) {
    s.out.over_batch = tape.make(U, 2 * C, needs);
    s.out.over_units = tape.make(1, 2 * C, B, needs);
  }
  normed.mean = s.mean = tape.scratch(C);
  normed.inv = s.inv = tape.scratch(C);
  normed.y = s.y = tape.scratch(U * map.unit_size());
  map_with_moments(tape, s, eps);
  if (with_moments) take_moments(tape, s, moments_eps);
  tape.on_backward(normed.n, with_moments ? 3 : 1, [&tape, s] { linear_norm_relu_vjp(tape, s); });
  return s.out;
}

}  // namespace

template <class T>
Normed<T> linear_norm_relu(Tape<T>& tape, const LinearInput<T>& x, const Var<T>& a,
                           const LinearExtras<T>& extras, T eps) {
  return run(tape, LinearCall<T>(x, a, extras), eps, false, T(0)).n;
}

template <class T>
NormedBatch<T> linear_norm_relu_moments(Tape<T>& tape, const LinearInput<T>& x, const Var<T>& a,
                                        const LinearExtras<T>& extras, T eps, T moments_eps) {
  return run(tape, LinearCall<T>(x, a, extras), eps, true, moments_eps);
}

#define METAPLASTIC_INSTANTIATE(T)                                                                 \
  template Normed<T> linear_norm_relu(Tape<T>&, const LinearInput<T>&, const Var<T>&,              \
                                      const LinearExtras<T>&, T);                                  \
  template NormedBatch<T> linear_norm_relu_moments(Tape<T>&, const LinearInput<T>&, const Var<T>&, \
                                                   const LinearExtras<T>&, T, T);
METAPLASTIC_INSTANTIATE(float)
METAPLASTIC_INSTANTIATE(double)
#undef METAPLASTIC_INSTANTIATE

}  // namespace metaplastic
