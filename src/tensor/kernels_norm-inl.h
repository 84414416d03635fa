// Kernels of the normalisations of neuron batches: statistics, norm + ReLU, RMS over channels.
#if defined(METAPLASTIC_KERNELS_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METAPLASTIC_KERNELS_NORM_INL_H_
#undef METAPLASTIC_KERNELS_NORM_INL_H_
#else
#define METAPLASTIC_KERNELS_NORM_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
void row_sums(const T* x, int C, int B, T* sums) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  for (int c = 0; c < C; ++c, x += B) {
    auto sum = hn::Zero(d);
    int b = 0;
    for (; b + N <= B; b += N) sum = hn::Add(sum, hn::LoadU(d, x + b));
    T total = hn::GetLane(hn::SumOfLanes(d, sum));
    for (; b < B; ++b) total += x[b];
    sums[c] += total;
  }
}

template <class T>
void row_moments(const T* x, const T* center, int C, int B, T* sums, T* squares) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  for (int c = 0; c < C; ++c, x += B) {
    const T middle = center ? center[c] : T(0);
    const auto middle_v = hn::Set(d, middle);
    auto sum = hn::Zero(d), square = hn::Zero(d);
    int b = 0;
    for (; b + N <= B; b += N) {
      const auto v = hn::LoadU(d, x + b);
      const auto off = hn::Sub(v, middle_v);
      sum = hn::Add(sum, v);
      square = hn::MulAdd(off, off, square);
    }
    T total = hn::GetLane(hn::SumOfLanes(d, sum)),
      total_square = hn::GetLane(hn::SumOfLanes(d, square));
    for (; b < B; ++b) {
      total += x[b];
      total_square += (x[b] - middle) * (x[b] - middle);
    }
    sums[c] += total;
    squares[c] += total_square;
  }
}

template <class T>
void norm_relu_unit(const T* x, const T* mean, const T* inv, const T* offset, int C, int B, T* n) {
  for (int c = 0; c < C; ++c, x += B, n += B) {
    const T m = mean[c], scale = inv[c], shift = offset ? offset[c] : T(0);
    for (int b = 0; b < B; ++b) {
      const T value = (x[b] - m) * scale + shift;
      n[b] = value > T(0) ? value : T(0);
    }
  }
}

template <class T>
void norm_relu_sums(const T* x, const T* n_bar, const T* mean, const T* inv, const T* offset, int C,
                    int B, T* sum_g, T* sum_gx) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  for (int c = 0; c < C; ++c, x += B, n_bar += B) {
    const T m = mean[c], scale = inv[c], shift = offset ? offset[c] : T(0);
    const auto m_v = hn::Set(d, m), scale_v = hn::Set(d, scale), shift_v = hn::Set(d, shift);
    auto sum = hn::Zero(d), sum_x = hn::Zero(d);
    int b = 0;
    for (; b + N <= B; b += N) {
      const auto hat = hn::Mul(hn::Sub(hn::LoadU(d, x + b), m_v), scale_v);
      const auto on = hn::Gt(hn::Add(hat, shift_v), hn::Zero(d));
      const auto g = hn::IfThenElseZero(on, hn::LoadU(d, n_bar + b));
      sum = hn::Add(sum, g);
      sum_x = hn::MulAdd(g, hat, sum_x);
    }
    T total = hn::GetLane(hn::SumOfLanes(d, sum)), total_x = hn::GetLane(hn::SumOfLanes(d, sum_x));
    for (; b < B; ++b) {
      const T hat = (x[b] - m) * scale;
      const T g = hat + shift > T(0) ? n_bar[b] : T(0);
      total += g;
      total_x += g * hat;
    }
    sum_g[c] += total;
    sum_gx[c] += total_x;
  }
}

template <class T>
void norm_relu_vjp(const T* x, const T* n_bar, const T* mean, const T* inv, const T* offset,
                   const T* mean_g, const T* mean_gx, int C, int B, bool accumulate, T* x_bar) {
  for (int c = 0; c < C; ++c, x += B, n_bar += B, x_bar += B) {
    const T m = mean[c], scale = inv[c], shift = offset ? offset[c] : T(0);
    const T mg = mean_g[c], mgx = mean_gx[c];
    if (accumulate) {
      for (int b = 0; b < B; ++b) {
        const T hat = (x[b] - m) * scale;
        const T g = hat + shift > T(0) ? n_bar[b] : T(0);
        x_bar[b] += scale * (g - mg - hat * mgx);
      }
    } else {
      for (int b = 0; b < B; ++b) {
        const T hat = (x[b] - m) * scale;
        const T g = hat + shift > T(0) ? n_bar[b] : T(0);
        x_bar[b] = scale * (g - mg - hat * mgx);
      }
    }
  }
}

template <class T>
void rms_channels_unit(const T* x, int C, int B, T eps, T* y, T* inv) {
  for (int b = 0; b < B; ++b) inv[b] = T(0);
  for (int c = 0; c < C; ++c) {
    const T* row = x + std::ptrdiff_t{c} * B;
    for (int b = 0; b < B; ++b) inv[b] += row[b] * row[b];
  }
  const T share = T(1) / T(C);
  for (int b = 0; b < B; ++b) inv[b] = T(1) / std::sqrt(inv[b] * share + eps);
  for (int c = 0; c < C; ++c) {
    const T* row = x + std::ptrdiff_t{c} * B;
    T* out = y + std::ptrdiff_t{c} * B;
    for (int b = 0; b < B; ++b) out[b] = row[b] * inv[b];
  }
}

template <class T>
void rms_channels_vjp(const T* y, const T* y_bar, const T* inv, int C, int B, bool accumulate,
                      T* x_bar) {
  constexpr int kChunk = 64;
  const T share = T(1) / T(C);
  for (int b0 = 0; b0 < B; b0 += kChunk) {
    const int count = B - b0 < kChunk ? B - b0 : kChunk;
    T mean[kChunk] = {};
    for (int c = 0; c < C; ++c) {
      const T* value = y + std::ptrdiff_t{c} * B + b0;
      const T* bar = y_bar + std::ptrdiff_t{c} * B + b0;
      for (int b = 0; b < count; ++b) mean[b] += value[b] * bar[b];
    }
    for (int b = 0; b < count; ++b) mean[b] *= share;
    for (int c = 0; c < C; ++c) {
      const std::ptrdiff_t at = std::ptrdiff_t{c} * B + b0;
      const T *value = y + at, *bar = y_bar + at, *scale = inv + b0;
      T* out = x_bar + at;
      if (accumulate) {
        for (int b = 0; b < count; ++b) out[b] += scale[b] * (bar[b] - value[b] * mean[b]);
      } else {
        for (int b = 0; b < count; ++b) out[b] = scale[b] * (bar[b] - value[b] * mean[b]);
      }
    }
  }
}

template <class T>
void column_dots(const T* x, const T* z, int rows, int cols, std::ptrdiff_t ld, T* sums) {
  const hn::ScalableTag<T> d;
  const int N = static_cast<int>(hn::Lanes(d));
  constexpr int kVectors = 4;  // of sums that stay in registers
  int j = 0;
  for (; j + kVectors * N <= cols; j += kVectors * N) {
    hn::Vec<decltype(d)> sum[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[v] = hn::Zero(d);
    std::ptrdiff_t at = j;
    for (int i = 0; i < rows; ++i, at += ld)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v)
        sum[v] = hn::MulAdd(hn::LoadU(d, x + at + v * N), hn::LoadU(d, z + at + v * N), sum[v]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, sums + j + v * N);
  }
  for (int rest = j; rest < cols; ++rest) sums[rest] = T(0);
  for (int i = 0; i < rows; ++i, x += ld, z += ld)
    for (int rest = j; rest < cols; ++rest) sums[rest] += x[rest] * z[rest];
}

template <class T>
void scale_columns(const T* x, const T* inv, int rows, int cols, T* y) {
  for (int i = 0; i < rows; ++i, x += cols, y += cols)
    for (int j = 0; j < cols; ++j) y[j] = x[j] * inv[j];
}

template <class T>
void scale_columns_vjp(const T* y, const T* y_bar, const T* inv, const T* mean, int rows, int cols,
                       bool accumulate, T* x_bar) {
  for (int i = 0; i < rows; ++i, y += cols, y_bar += cols, x_bar += cols) {
    if (accumulate) {
      for (int j = 0; j < cols; ++j) x_bar[j] += inv[j] * (y_bar[j] - y[j] * mean[j]);
    } else {
      for (int j = 0; j < cols; ++j) x_bar[j] = inv[j] * (y_bar[j] - y[j] * mean[j]);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#endif
