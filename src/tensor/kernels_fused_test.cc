// Kernels of the fused operations against naive twins, over odd shapes; the bound on the error is
// in kernels_check.h.
#include "tensor/kernels_check.h"

namespace metaplastic {
namespace {

template <class T>
class FusedKernels : public KernelsTest<T> {};
TYPED_TEST_SUITE(FusedKernels, KernelTypes);

template <class T>
long double exactly(T value) {
  return static_cast<long double>(value);
}

TYPED_TEST(FusedKernels, LinearRowsEqualTwins) {
  using T = TypeParam;
  for_shapes<T>([this](int Co, int B) {
    const int K = 1 + static_cast<int>(this->random_.below(9)),
              shift = this->shift_from(this->random_);
    const std::ptrdiff_t lda = Co + 1;
    std::vector<Buffer<T>> x, y;
    std::vector<const T*> x_rows;
    std::vector<T*> y_rows;
    for (int k = 0; k < K; ++k) x.emplace_back(B, shift).fill(this->random_);
    for (int co = 0; co < Co; ++co) y.emplace_back(B, shift).fill(this->random_);
    for (const Buffer<T>& row : x) x_rows.push_back(row.data());
    for (Buffer<T>& row : y) y_rows.push_back(row.data());
    Buffer<T> a(K * lda, shift);
    a.fill(this->random_);
    const std::vector<Buffer<T>> before = y;
    bool accumulate[69];
    for (bool& one : accumulate) one = this->random_.below(2) != 0;
    kernels<T>().linear_rows(x_rows.data(), K, a.data(), lda, Co, B, y_rows.data(), accumulate);
    for (int co = 0; co < Co; ++co) {
      const auto row = static_cast<std::size_t>(co);
      for (int b = 0; b < B; ++b) {
        Exact exact;
        for (int k = 0; k < K; ++k)
          exact.add(exactly(a[k * lda + co]) * exactly(x[static_cast<std::size_t>(k)][b]));
        if (accumulate[co]) exact.add(before[row][b]);
        ASSERT_TRUE(close(y[row][b], exact, 2 * K + 1)) << co << "," << b;
      }
      ASSERT_TRUE(y[row].guards_intact());
    }
  });
}

TYPED_TEST(FusedKernels, NormReluMoments) {
  using T = TypeParam;
  for_shapes<T>([this](int C, int B) {
    const int shift = this->shift_from(this->random_);
    const std::ptrdiff_t size = std::ptrdiff_t{C} * B;
    const T eps = T(0.01);
    Buffer<T> x(size, shift), mean(C, shift), inv(C, shift), n(size, shift), middle(C, shift),
        deviation(C, shift), sums(size, shift), squares(size, shift);
    x.fill(this->random_), mean.fill(this->random_), inv.fill(this->random_, 0.5f, 2);
    sums.fill(this->random_), squares.fill(this->random_);
    const Buffer<T> sums_before = sums, squares_before = squares;
    kernels<T>().norm_relu_unit(x.data(), mean.data(), inv.data(), nullptr, C, B, n.data());
    kernels<T>().norm_relu_moments(x.data(), mean.data(), inv.data(), C, B, eps, middle.data(),
                                   deviation.data(), sums.data(), squares.data());
    for (int c = 0; c < C; ++c) {
      Exact sum, square;
      for (std::ptrdiff_t i = c * B; i < (c + 1) * B; ++i) {
        // The kink moves by a rounding, and the value with it: max() keeps errors as they are.
        Exact value;
        value.add(std::max(0.0L, (exactly(x[i]) - exactly(mean[c])) * exactly(inv[c])),
                  exactly((std::abs(x[i]) + std::abs(mean[c])) * inv[c]));
        ASSERT_TRUE(close(n[i], value, 3)) << i;
        sum.add(exactly(n[i]) / B);
        Exact total, total_square;
        total.add(sums_before[i]), total.add(n[i]);
        total_square.add(squares_before[i]), total_square.add(exactly(n[i]) * exactly(n[i]));
        ASSERT_TRUE(close(sums[i], total, 1)) << i;
        ASSERT_TRUE(close(squares[i], total_square, 2)) << i;
      }
      ASSERT_TRUE(close(middle[c], sum, B + 1)) << c;
      square.add(eps);
      for (std::ptrdiff_t i = c * B; i < (c + 1) * B; ++i) {
        const long double magnitude = exactly(n[i]) + sum.value;
        square.add((exactly(n[i]) - sum.value) * (exactly(n[i]) - sum.value) / B,
                   magnitude * magnitude / B);
      }
      // The root halves the relative error of what it is taken of, and rounds once more.
      const Exact root = {std::sqrt(square.value),
                          square.scale / (2 * std::sqrt(square.value)) + std::sqrt(square.value)};
      ASSERT_TRUE(close(deviation[c], root, B + 6)) << c;
    }
    ASSERT_TRUE(n.guards_intact() && middle.guards_intact() && deviation.guards_intact() &&
                sums.guards_intact() && squares.guards_intact());
  });
}

TYPED_TEST(FusedKernels, NormReluOpen) {
  using T = TypeParam;
  for_shapes<T>([this](int C, int B) {
    const int shift = this->shift_from(this->random_);
    const std::ptrdiff_t size = std::ptrdiff_t{C} * B;
    const bool moments = this->random_.below(2) != 0;
    Buffer<T> x(size, shift), mean(C, shift), inv(C, shift), unit_start(C, shift),
        unit_slope(C, shift), start(size, shift), slope(size, shift), n_bar(size, shift),
        sum_g(C, shift), sum_gn(C, shift);
    for (Buffer<T>* buffer :
         {&x, &mean, &unit_start, &unit_slope, &start, &slope, &n_bar, &sum_g, &sum_gn})
      buffer->fill(this->random_);
    inv.fill(this->random_, 0.5f, 2);
    const Buffer<T> before = n_bar, g_before = sum_g, gn_before = sum_gn;
    kernels<T>().norm_relu_open(
        x.data(), mean.data(), inv.data(), moments ? unit_start.data() : nullptr, unit_slope.data(),
        start.data(), slope.data(), C, B, n_bar.data(), sum_g.data(), sum_gn.data());
    for (int c = 0; c < C; ++c) {
      Exact sum, sum_n;
      sum.add(g_before[c]), sum_n.add(gn_before[c]);
      for (std::ptrdiff_t i = c * B; i < (c + 1) * B; ++i) {
        const T n = std::max(T(0), (x[i] - mean[c]) * inv[c]);
        Exact g;
        if (n > T(0)) {
          g.add(before[i]);
          if (moments) {
            g.add(unit_start[c]), g.add(start[i]);
            g.add(exactly(unit_slope[c]) * exactly(n));
            g.add(exactly(slope[i]) * exactly(n));
          }
        }
        if (moments) {
          ASSERT_TRUE(close(n_bar[i], g, 6)) << i;
        } else {
          ASSERT_EQ(n_bar[i], before[i]) << i;
        }
        const T passed = moments ? n_bar[i] : n > T(0) ? before[i] : T(0);
        sum.add(passed);
        sum_n.add(exactly(passed) * exactly(n));
      }
      ASSERT_TRUE(close(sum_g[c], sum, B)) << c;
      ASSERT_TRUE(close(sum_gn[c], sum_n, 2 * B)) << c;
    }
    ASSERT_TRUE(n_bar.guards_intact() && sum_g.guards_intact() && sum_gn.guards_intact());
  });
}

TYPED_TEST(FusedKernels, NormVjp) {
  using T = TypeParam;
  for_shapes<T>([this](int C, int B) {
    const int shift = this->shift_from(this->random_);
    const std::ptrdiff_t size = std::ptrdiff_t{C} * B;
    const bool has_example = this->random_.below(2) != 0;
    Buffer<T> x(size, shift), g(size, shift), mean(C, shift), inv(C, shift), mean_g(C, shift),
        mean_gx(C, shift), x_bar(size, shift), sums(C, shift), example(size, shift);
    for (Buffer<T>* buffer : {&x, &g, &mean, &mean_g, &mean_gx, &sums, &example})
      buffer->fill(this->random_);
    inv.fill(this->random_, 0.5f, 2);
    const Buffer<T> sums_before = sums, example_before = example;
    kernels<T>().norm_vjp(x.data(), g.data(), mean.data(), inv.data(), mean_g.data(),
                          mean_gx.data(), C, B, x_bar.data(), sums.data(),
                          has_example ? example.data() : nullptr);
    for (int c = 0; c < C; ++c) {
      Exact sum;
      sum.add(sums_before[c]);
      const long double scale = exactly(inv[c]), slope = scale * scale * exactly(mean_gx[c]);
      for (std::ptrdiff_t i = c * B; i < (c + 1) * B; ++i) {
        Exact bar;
        if ((x[i] - mean[c]) * inv[c] > T(0)) bar.add(scale * exactly(g[i]));
        bar.add(-scale * exactly(mean_g[c]));
        bar.add(-slope * exactly(x[i])), bar.add(slope * exactly(mean[c]));
        ASSERT_TRUE(close(x_bar[i], bar, 8)) << i;
        sum.add(x_bar[i]);
        if (!has_example) continue;
        Exact total;
        total.add(example_before[i]), total.add(x_bar[i]);
        ASSERT_TRUE(close(example[i], total, 1)) << i;
      }
      ASSERT_TRUE(close(sums[c], sum, B)) << c;
    }
    ASSERT_TRUE(x_bar.guards_intact() && sums.guards_intact() && example.guards_intact());
  });
}

TYPED_TEST(FusedKernels, MixColumns) {
  using T = TypeParam;
  for (const int cols : example_counts<T>())
    for (const int count : {1, 2, 12, 16}) {
      const int rows = 1 + static_cast<int>(this->random_.below(4)),
                shift = this->shift_from(this->random_);
      const std::ptrdiff_t size = std::ptrdiff_t{rows} * cols;
      std::vector<Buffer<T>> terms;
      std::vector<const T*> data;
      for (int k = 0; k < count; ++k) terms.emplace_back(size, shift).fill(this->random_);
      for (const Buffer<T>& term : terms) data.push_back(term.data());
      Buffer<T> scales(std::ptrdiff_t{count} * cols, shift), slope(cols, shift), y(size, shift),
          bar(size, shift);
      scales.fill(this->random_), slope.fill(this->random_), bar.fill(this->random_);
      const Buffer<T> before = bar;
      const bool accumulate = this->random_.below(2) != 0;
      kernels<T>().mix_columns(data.data(), scales.data(), count, rows, cols, y.data());
      kernels<T>().mix_columns_vjp(y.data(), terms[0].data(), scales.data(), slope.data(), rows,
                                   cols, accumulate, bar.data());
      for (std::ptrdiff_t i = 0; i < size; ++i) {
        const std::ptrdiff_t j = i % cols;
        Exact sum, term_bar;
        for (int k = 0; k < count; ++k)
          sum.add(exactly(scales[k * cols + j]) * exactly(terms[static_cast<std::size_t>(k)][i]));
        ASSERT_TRUE(close(y[i], sum, 2 * count)) << cols << " columns, " << count << " terms";
        term_bar.add(exactly(scales[j]) * exactly(y[i]));
        term_bar.add(-exactly(slope[j]) * exactly(terms[0][i]));
        if (accumulate) term_bar.add(before[i]);
        ASSERT_TRUE(close(bar[i], term_bar, 4)) << cols << " columns";
      }
      ASSERT_TRUE(y.guards_intact() && bar.guards_intact());
    }
}

TYPED_TEST(FusedKernels, SymmetricSum) {
  using T = TypeParam;
  for (const int U : example_counts<T>())
    for (const bool accumulate : {false, true}) {
      const int shift = this->shift_from(this->random_);
      const std::ptrdiff_t size = std::ptrdiff_t{U} * U;
      Buffer<T> m(size, shift), out(size, shift);
      m.fill(this->random_), out.fill(this->random_);
      const Buffer<T> before = out;
      const T scale = T(0.7);
      kernels<T>().symmetric_sum(m.data(), U, scale, accumulate, out.data());
      for (std::ptrdiff_t i = 0; i < U; ++i)
        for (std::ptrdiff_t j = 0; j < U; ++j) {
          Exact exact;
          if (i != j) {
            exact.add(exactly(scale) * exactly(m[i * U + j]));
            exact.add(exactly(scale) * exactly(m[j * U + i]));
          }
          if (accumulate) exact.add(before[i * U + j]);
          ASSERT_TRUE(close(out[i * U + j], exact, 3)) << "U " << U << " at " << i << "," << j;
        }
      ASSERT_TRUE(out.guards_intact());
    }
}

}  // namespace
}  // namespace metaplastic
