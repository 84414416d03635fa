// Kernels of the normalisations and of the gate against naive twins, over odd shapes; the bound
// on the error is in kernels_check.h.
#include "tensor/kernels_check.h"

namespace metaplastic {
namespace {

template <class T>
class NormKernels : public KernelsTest<T> {};
TYPED_TEST_SUITE(NormKernels, KernelTypes);

TYPED_TEST(NormKernels, RowSumsAndMoments) {
  using T = TypeParam;
  for_shapes<T>([this](int C, int B) {
    const int shift = this->shift_from(this->random_);
    Buffer<T> x(std::ptrdiff_t{C} * B, shift), center(C, shift), sums(C, shift), squares(C, shift);
    x.fill(this->random_, 0, 2), center.fill(this->random_, 0, 2);
    sums.fill(this->random_), squares.fill(this->random_);
    const bool centred = this->random_.below(2) != 0;
    const Buffer<T> sums_before = sums, squares_before = squares;
    Buffer<T> plain = sums;
    kernels<T>().row_sums(x.data(), C, B, plain.data());
    kernels<T>().row_moments(x.data(), centred ? center.data() : nullptr, C, B, sums.data(),
                             squares.data());
    for (int c = 0; c < C; ++c) {
      Exact sum, square;
      sum.add(sums_before[c]), square.add(squares_before[c]);
      const long double middle = centred ? center[c] : T(0);
      for (int b = 0; b < B; ++b) {
        const long double value = x[c * B + b], magnitude = std::abs(value) + std::abs(middle);
        sum.add(value);
        square.add((value - middle) * (value - middle), magnitude * magnitude);
      }
      ASSERT_TRUE(close(plain[c], sum, B)) << c;
      ASSERT_TRUE(close(sums[c], sum, B)) << c;
      // Per term: the difference counts twice, then the square and the sum.
      ASSERT_TRUE(close(squares[c], square, B + 4)) << c;
    }
    ASSERT_TRUE(plain.guards_intact() && sums.guards_intact() && squares.guards_intact());
  });
}

// Inputs of the norm_relu kernels; no value is so near to the kink that rounding could cross it.
template <class T>
struct NormInputs {
  int C, B;
  bool has_offset;
  Buffer<T> x, n_bar, mean, inv, offset;
  NormInputs(int num_channels, int num_examples, int shift, Random& random)
      : C(num_channels),
        B(num_examples),
        has_offset(random.below(2) != 0),
        x(std::ptrdiff_t{C} * B, shift),
        n_bar(x.size(), shift),
        mean(C, shift),
        inv(C, shift),
        offset(C, shift) {
    x.fill(random, -2, 2), n_bar.fill(random), mean.fill(random);
    inv.fill(random, 0.5f, 2), offset.fill(random);
    for (std::ptrdiff_t i = 0; i < x.size(); ++i)
      while (std::abs(before_relu(i)) < 1e-3L) x[i] += T(0.01);
  }
  const T* offset_or_null() const { return has_offset ? offset.data() : nullptr; }
  long double hat(std::ptrdiff_t i) const {
    const std::ptrdiff_t c = i / B;
    return (static_cast<long double>(x[i]) - static_cast<long double>(mean[c])) *
           static_cast<long double>(inv[c]);
  }
  // Magnitude of the terms of hat().
  long double hat_scale(std::ptrdiff_t i) const {
    const std::ptrdiff_t c = i / B;
    return static_cast<long double>((std::abs(x[i]) + std::abs(mean[c])) * inv[c]);
  }
  long double before_relu(std::ptrdiff_t i) const {
    return hat(i) + (has_offset ? static_cast<long double>(offset[i / B]) : 0.0L);
  }
  long double g(std::ptrdiff_t i) const {
    return before_relu(i) > 0 ? static_cast<long double>(n_bar[i]) : 0.0L;
  }
};

TYPED_TEST(NormKernels, NormReluForward) {
  using T = TypeParam;
  for_shapes<T>([this](int C, int B) {
    const int shift = this->shift_from(this->random_);
    const NormInputs<T> in(C, B, shift, this->random_);
    Buffer<T> n(in.x.size(), shift);
    kernels<T>().norm_relu_unit(in.x.data(), in.mean.data(), in.inv.data(), in.offset_or_null(), C,
                                B, n.data());
    for (std::ptrdiff_t i = 0; i < n.size(); ++i) {
      Exact exact;
      exact.add(std::max(0.0L, in.before_relu(i)), in.hat_scale(i) + (in.has_offset ? 1.0L : 0.0L));
      ASSERT_TRUE(close(n[i], exact, 3)) << i;
    }
    ASSERT_TRUE(n.guards_intact());
  });
}

TYPED_TEST(NormKernels, NormReluSums) {
  using T = TypeParam;
  for_shapes<T>([this](int C, int B) {
    const int shift = this->shift_from(this->random_);
    const NormInputs<T> in(C, B, shift, this->random_);
    Buffer<T> sum_g(C, shift), sum_gx(C, shift);
    sum_g.fill(this->random_), sum_gx.fill(this->random_);
    const Buffer<T> g_before = sum_g, gx_before = sum_gx;
    kernels<T>().norm_relu_sums(in.x.data(), in.n_bar.data(), in.mean.data(), in.inv.data(),
                                in.offset_or_null(), C, B, sum_g.data(), sum_gx.data());
    for (int c = 0; c < C; ++c) {
      Exact g, gx;
      g.add(g_before[c]), gx.add(gx_before[c]);
      for (std::ptrdiff_t i = std::ptrdiff_t{c} * B; i < std::ptrdiff_t{c + 1} * B; ++i) {
        g.add(in.g(i));
        gx.add(in.g(i) * in.hat(i), std::abs(in.g(i)) * in.hat_scale(i));
      }
      ASSERT_TRUE(close(sum_g[c], g, B)) << c;
      ASSERT_TRUE(close(sum_gx[c], gx, B + 3)) << c;
    }
    ASSERT_TRUE(sum_g.guards_intact() && sum_gx.guards_intact());
  });
}

TYPED_TEST(NormKernels, NormReluVjp) {
  using T = TypeParam;
  for_shapes<T>([this](int C, int B) {
    const int shift = this->shift_from(this->random_);
    const bool accumulate = this->random_.below(2) != 0;
    const NormInputs<T> in(C, B, shift, this->random_);
    Buffer<T> mean_g(C, shift), mean_gx(C, shift), x_bar(in.x.size(), shift);
    mean_g.fill(this->random_), mean_gx.fill(this->random_), x_bar.fill(this->random_);
    if (!accumulate) std::fill_n(x_bar.data(), x_bar.size(), std::numeric_limits<T>::quiet_NaN());
    const Buffer<T> before = x_bar;
    kernels<T>().norm_relu_vjp(in.x.data(), in.n_bar.data(), in.mean.data(), in.inv.data(),
                               in.offset_or_null(), mean_g.data(), mean_gx.data(), C, B, accumulate,
                               x_bar.data());
    for (std::ptrdiff_t i = 0; i < x_bar.size(); ++i) {
      const std::ptrdiff_t c = i / B;
      const long double inv = in.inv[c], mgx = mean_gx[c];
      Exact exact;
      exact.add(inv * in.g(i));
      exact.add(-inv * static_cast<long double>(mean_g[c]));
      exact.add(-inv * in.hat(i) * mgx, inv * in.hat_scale(i) * std::abs(mgx));
      if (accumulate) exact.add(before[i]);
      ASSERT_TRUE(close(x_bar[i], exact, 7)) << i;
    }
    ASSERT_TRUE(x_bar.guards_intact());
  });
}

TYPED_TEST(NormKernels, RmsChannels) {
  using T = TypeParam;
  for_shapes<T>([this](int C, int B) {
    const int shift = this->shift_from(this->random_);
    const T eps = T(0.001);
    Buffer<T> x(std::ptrdiff_t{C} * B, shift), y(x.size(), shift), inv(B, shift);
    x.fill(this->random_);
    kernels<T>().rms_channels_unit(x.data(), C, B, eps, y.data(), inv.data());
    for (int b = 0; b < B; ++b) {
      long double square = 0;
      for (int c = 0; c < C; ++c) {
        const long double value = x[c * B + b];
        square += value * value;
      }
      // All terms are positive: a relative error of (C + 4) u under the root, half of it after.
      Exact exact_inv;
      exact_inv.add(1 / std::sqrt(square / C + static_cast<long double>(eps)));
      ASSERT_TRUE(close(inv[b], exact_inv, C + 4)) << b;
      for (int c = 0; c < C; ++c) {
        Exact exact;
        exact.add(static_cast<long double>(x[c * B + b]) * exact_inv.value);
        ASSERT_TRUE(close(y[c * B + b], exact, C + 5)) << c << "," << b;
      }
    }
    ASSERT_TRUE(y.guards_intact() && inv.guards_intact());
  });
}

TYPED_TEST(NormKernels, RmsChannelsVjp) {
  using T = TypeParam;
  for_shapes<T>([this](int C, int B) {
    const int shift = this->shift_from(this->random_);
    const bool accumulate = this->random_.below(2) != 0;
    Buffer<T> y(std::ptrdiff_t{C} * B, shift), y_bar(y.size(), shift), x_bar(y.size(), shift);
    Buffer<T> inv(B, shift);
    y.fill(this->random_), y_bar.fill(this->random_), x_bar.fill(this->random_);
    inv.fill(this->random_, 0.5f, 2);
    if (!accumulate) std::fill_n(x_bar.data(), x_bar.size(), std::numeric_limits<T>::quiet_NaN());
    const Buffer<T> before = x_bar;
    kernels<T>().rms_channels_vjp(y.data(), y_bar.data(), inv.data(), C, B, accumulate,
                                  x_bar.data());
    for (int b = 0; b < B; ++b) {
      Exact along;
      for (int c = 0; c < C; ++c)
        along.add(static_cast<long double>(y[c * B + b]) *
                  static_cast<long double>(y_bar[c * B + b]) / C);
      for (int c = 0; c < C; ++c) {
        const int at = c * B + b;
        const long double value = y[at], scale = inv[b];
        Exact exact;
        exact.add(scale * static_cast<long double>(y_bar[at]));
        exact.add(-scale * value * along.value, scale * std::abs(value) * along.scale);
        if (accumulate) exact.add(before[at]);
        ASSERT_TRUE(close(x_bar[at], exact, C + 6)) << c << "," << b;
      }
    }
    ASSERT_TRUE(x_bar.guards_intact());
  });
}

TYPED_TEST(NormKernels, GateAdd) {
  using T = TypeParam;
  for_shapes<T>([this](int C, int B) {
    const int shift = this->shift_from(this->random_);
    Buffer<T> x(std::ptrdiff_t{C} * B, shift), gate(B, shift), z(x.size(), shift);
    Buffer<T> y(x.size(), shift);
    x.fill(this->random_), gate.fill(this->random_), z.fill(this->random_);
    kernels<T>().gate_add_unit(x.data(), gate.data(), z.data(), C, B, y.data());
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
      Exact exact;
      exact.add(static_cast<long double>(x[i]) * static_cast<long double>(gate[i % B]));
      exact.add(z[i]);
      ASSERT_TRUE(close(y[i], exact, 2)) << i;
    }
    ASSERT_TRUE(y.guards_intact());
  });
}

TYPED_TEST(NormKernels, GateAddVjp) {
  using T = TypeParam;
  for_shapes<T>([this](int C, int B) {
    const int shift = this->shift_from(this->random_);
    const bool add_x = this->random_.below(2) != 0, add_gate = this->random_.below(2) != 0;
    const T nan = std::numeric_limits<T>::quiet_NaN();
    Buffer<T> x(std::ptrdiff_t{C} * B, shift), gate(B, shift), y_bar(x.size(), shift);
    Buffer<T> x_bar(x.size(), shift), gate_bar(B, shift);
    for (Buffer<T>* buffer : {&x, &gate, &y_bar, &x_bar, &gate_bar}) buffer->fill(this->random_);
    if (!add_x) std::fill_n(x_bar.data(), x_bar.size(), nan);
    if (!add_gate) std::fill_n(gate_bar.data(), B, nan);
    const Buffer<T> x_before = x_bar, gate_before = gate_bar;
    kernels<T>().gate_add_vjp(x.data(), gate.data(), y_bar.data(), C, B, add_x, x_bar.data(),
                              add_gate, gate_bar.data());
    for (int b = 0; b < B; ++b) {
      Exact exact_gate;
      if (add_gate) exact_gate.add(gate_before[b]);
      for (int c = 0; c < C; ++c) {
        const int at = c * B + b;
        const long double bar = y_bar[at];
        Exact exact;
        exact.add(bar * static_cast<long double>(gate[b]));
        if (add_x) exact.add(x_before[at]);
        ASSERT_TRUE(close(x_bar[at], exact, 2)) << c << "," << b;
        exact_gate.add(bar * static_cast<long double>(x[at]));
      }
      ASSERT_TRUE(close(gate_bar[b], exact_gate, 2 * C)) << b;
    }
    ASSERT_TRUE(x_bar.guards_intact() && gate_bar.guards_intact());
  });
}

}  // namespace
}  // namespace metaplastic
