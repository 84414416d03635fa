// Kernels of fused operations: norm + ReLU with the moments of its result, and the normalised mix
// of the terms of a weight step.
#if defined(METAPLASTIC_KERNELS_FUSED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METAPLASTIC_KERNELS_FUSED_INL_H_
#undef METAPLASTIC_KERNELS_FUSED_INL_H_
#else
#define METAPLASTIC_KERNELS_FUSED_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One row of norm_relu_moments whose examples are NV whole vectors, which stay in registers; NV 0:
// any number of examples, normed once more for the squares about the mean.
template <int NV, class T>
HWY_INLINE void row_moments_of_normed(const T* x, T mean, T inv, int B, T eps, T* unit_mean,
                                      T* unit_deviation, T* sums, T* squares) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  const int count = NV > 0 ? NV : B / N;
  const auto m = hn::Set(d, mean), scale = hn::Set(d, inv);
  hn::Vec<decltype(d)> kept[NV > 0 ? NV : 1];
  const auto normed = [&](int v) {
    return hn::Max(hn::Mul(hn::Sub(hn::LoadU(d, x + v * N), m), scale), hn::Zero(d));
  };
  const auto normed_one = [&](int b) {
    const T value = (x[b] - mean) * inv;
    return value > T(0) ? value : T(0);
  };
  auto total_v = hn::Zero(d);
#pragma GCC unroll 8
  for (int v = 0; v < count; ++v) {
    const auto value = normed(v);
    if constexpr (NV > 0) kept[v] = value;
    total_v = hn::Add(total_v, value);
    hn::StoreU(hn::Add(hn::LoadU(d, sums + v * N), value), d, sums + v * N);
    hn::StoreU(hn::MulAdd(value, value, hn::LoadU(d, squares + v * N)), d, squares + v * N);
  }
  T total = hn::GetLane(hn::SumOfLanes(d, total_v));
  for (int b = count * N; b < B; ++b) {
    const T value = normed_one(b);
    total += value;
    sums[b] += value;
    squares[b] += value * value;
  }
  const T middle = total / T(B);
  const auto middle_v = hn::Set(d, middle);
  auto square_v = hn::Zero(d);
#pragma GCC unroll 8
  for (int v = 0; v < count; ++v) {
    const auto off = hn::Sub(NV > 0 ? kept[NV > 0 ? v : 0] : normed(v), middle_v);
    square_v = hn::MulAdd(off, off, square_v);
  }
  T square = hn::GetLane(hn::SumOfLanes(d, square_v));
  for (int b = count * N; b < B; ++b) {
    const T off = normed_one(b) - middle;
    square += off * off;
  }
  *unit_mean = middle;
  *unit_deviation = std::sqrt(square / T(B) + eps);
}

template <class T>
void norm_relu_moments(const T* x, const T* mean, const T* inv, int C, int B, T eps, T* unit_mean,
                       T* unit_deviation, T* sums, T* squares) {
  const int N = static_cast<int>(hn::Lanes(hn::ScalableTag<T>()));
  const auto rows = [&]<int NV>(std::integral_constant<int, NV>) {
    for (int c = 0; c < C; ++c, x += B, sums += B, squares += B)
      row_moments_of_normed<NV>(x, mean[c], inv[c], B, eps, unit_mean + c, unit_deviation + c, sums,
                                squares);
  };
  const int vectors = B % N == 0 ? B / N : 0;
  if (vectors == 2) return rows(std::integral_constant<int, 2>());
  if (vectors == 4) return rows(std::integral_constant<int, 4>());
  if (vectors == 8) return rows(std::integral_constant<int, 8>());
  rows(std::integral_constant<int, 0>());
}

// kMoments: bars of the moments come in as lines start + slope n, per channel and per example.
template <bool kMoments, class T>
HWY_INLINE void open_bars(const T* x, const T* mean, const T* inv, const T* unit_start,
                          const T* unit_slope, const T* example_start, const T* example_slope,
                          int C, int B, T* n_bar, T* sum_g, T* sum_gn) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  for (int c = 0; c < C; ++c, x += B, n_bar += B) {
    const auto m = hn::Set(d, mean[c]), scale = hn::Set(d, inv[c]);
    const T start = kMoments ? unit_start[c] : T(0), slope = kMoments ? unit_slope[c] : T(0);
    const auto start_v = hn::Set(d, start), slope_v = hn::Set(d, slope);
    auto sum_v = hn::Zero(d), sum_n_v = hn::Zero(d);
    int b = 0;
    for (; b + N <= B; b += N) {
      const auto value = hn::Max(hn::Mul(hn::Sub(hn::LoadU(d, x + b), m), scale), hn::Zero(d));
      auto g = hn::LoadU(d, n_bar + b);
      if constexpr (kMoments) {
        const auto line = hn::Add(slope_v, hn::LoadU(d, example_slope + b));
        g = hn::Add(g, hn::Add(start_v, hn::LoadU(d, example_start + b)));
        g = hn::MulAdd(line, value, g);
      }
      g = hn::IfThenElseZero(hn::Gt(value, hn::Zero(d)), g);
      if constexpr (kMoments) hn::StoreU(g, d, n_bar + b);
      sum_v = hn::Add(sum_v, g);
      sum_n_v = hn::MulAdd(g, value, sum_n_v);
    }
    T sum = hn::GetLane(hn::SumOfLanes(d, sum_v)), sum_n = hn::GetLane(hn::SumOfLanes(d, sum_n_v));
    for (; b < B; ++b) {
      const T value = (x[b] - mean[c]) * inv[c], n = value > T(0) ? value : T(0);
      T g = n_bar[b];
      if constexpr (kMoments) g += (start + example_start[b]) + (slope + example_slope[b]) * n;
      g = n > T(0) ? g : T(0);
      if constexpr (kMoments) n_bar[b] = g;
      sum += g;
      sum_n += g * n;
    }
    sum_g[c] += sum;
    sum_gn[c] += sum_n;
    if constexpr (kMoments) example_start += B, example_slope += B;
  }
}

template <class T>
void norm_relu_open(const T* x, const T* mean, const T* inv, const T* unit_start,
                    const T* unit_slope, const T* example_start, const T* example_slope, int C,
                    int B, T* n_bar, T* sum_g, T* sum_gn) {
  if (unit_start != nullptr) {
    open_bars<true>(x, mean, inv, unit_start, unit_slope, example_start, example_slope, C, B, n_bar,
                    sum_g, sum_gn);
  } else {
    open_bars<false, T>(x, mean, inv, nullptr, nullptr, nullptr, nullptr, C, B, n_bar, sum_g,
                        sum_gn);
  }
}

template <class T>
void norm_vjp(const T* x, const T* n_bar, const T* mean, const T* inv, const T* mean_g,
              const T* mean_gx, int C, int B, T* x_bar, T* sums, T* example_bar) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  for (int c = 0; c < C; ++c, x += B, n_bar += B, x_bar += B) {
    const T m = mean[c], scale = inv[c], start = scale * mean_g[c];
    const T slope = scale * scale * mean_gx[c];
    const auto m_v = hn::Set(d, m), scale_v = hn::Set(d, scale), start_v = hn::Set(d, start),
               slope_v = hn::Set(d, slope);
    auto sum_v = hn::Zero(d);
    int b = 0;
    for (; b + N <= B; b += N) {
      const auto off = hn::Sub(hn::LoadU(d, x + b), m_v);
      const auto open = hn::Gt(hn::Mul(off, scale_v), hn::Zero(d));
      const auto passed = hn::IfThenElseZero(open, hn::LoadU(d, n_bar + b));
      const auto bar = hn::MulSub(scale_v, passed, hn::MulAdd(slope_v, off, start_v));
      hn::StoreU(bar, d, x_bar + b);
      sum_v = hn::Add(sum_v, bar);
      if (example_bar) hn::StoreU(hn::Add(hn::LoadU(d, example_bar + b), bar), d, example_bar + b);
    }
    T sum = hn::GetLane(hn::SumOfLanes(d, sum_v));
    for (; b < B; ++b) {
      const T off = x[b] - m, passed = off * scale > T(0) ? n_bar[b] : T(0);
      x_bar[b] = scale * passed - (slope * off + start);
      sum += x_bar[b];
      if (example_bar) example_bar[b] += x_bar[b];
    }
    sums[c] += sum;
    if (example_bar) example_bar += B;
  }
}

template <class T>
void mix_columns(const T* const* terms, const T* scales, int count, int rows, int cols, T* y) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  for (int i = 0; i < rows; ++i, y += cols) {
    const std::ptrdiff_t row = std::ptrdiff_t{i} * cols;
    int j = 0;
    for (; j + N <= cols; j += N) {
      auto sum = hn::Zero(d);
      for (int k = 0; k < count; ++k) {
        const auto scale = hn::LoadU(d, scales + std::ptrdiff_t{k} * cols + j);
        sum = hn::MulAdd(scale, hn::LoadU(d, terms[k] + row + j), sum);
      }
      hn::StoreU(sum, d, y + j);
    }
    for (; j < cols; ++j) {
      T sum = T(0);
      for (int k = 0; k < count; ++k)
        sum += scales[std::ptrdiff_t{k} * cols + j] * terms[k][row + j];
      y[j] = sum;
    }
  }
}

template <class T>
void mix_columns_vjp(const T* y_bar, const T* term, const T* scale, const T* slope, int rows,
                     int cols, bool accumulate, T* term_bar) {
  for (int i = 0; i < rows; ++i, y_bar += cols, term += cols, term_bar += cols) {
    if (accumulate) {
      for (int j = 0; j < cols; ++j) term_bar[j] += scale[j] * y_bar[j] - slope[j] * term[j];
    } else {
      for (int j = 0; j < cols; ++j) term_bar[j] = scale[j] * y_bar[j] - slope[j] * term[j];
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#endif
