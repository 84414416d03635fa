// gemm_small, multiply_sign and the column kernels against naive twins in long double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "tensor/kernels.h"

namespace metaplastic {
namespace {

template <class T>
std::vector<T> draw(std::size_t count, std::uint32_t step) {
  Random random(11, Purpose::kTest, 0, step);
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(random.normal());
  return values;
}

// One entry sums k products of magnitude about 1: the error of any order of summation is below
// (k + 2) u sum |a b|.
template <class T>
void check_gemm(bool ta, bool tb, int m, int n, int k, bool accumulate, int pad) {
  const int lda = (ta ? m : k) + pad, ldb = (tb ? k : n) + pad, ldc = n + pad;
  const auto a = draw<T>(static_cast<std::size_t>((ta ? k : m) * lda), 1);
  const auto b = draw<T>(static_cast<std::size_t>((tb ? n : k) * ldb), 2);
  auto c = draw<T>(static_cast<std::size_t>(m * ldc), 3);
  const auto before = c;
  std::vector<T> packed(static_cast<std::size_t>(k * (n + kPackMultiple)));
  const T alpha = T(0.75);
  kernels<T>().gemm_small(ta, tb, m, n, k, alpha, a.data(), lda, b.data(), ldb, accumulate,
                          c.data(), ldc, packed.data());
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < ldc; ++j) {
      const auto at = static_cast<std::size_t>(i * ldc + j);
      if (j >= n) {
        EXPECT_EQ(c[at], before[at]) << "wrote beyond its columns";
        continue;
      }
      long double sum = 0, size = 0;
      for (int kk = 0; kk < k; ++kk) {
        const long double product =
            static_cast<long double>(
                a[static_cast<std::size_t>(ta ? kk * lda + i : i * lda + kk)]) *
            b[static_cast<std::size_t>(tb ? j * ldb + kk : kk * ldb + j)];
        sum += product;
        size += std::abs(product);
      }
      const long double expected = alpha * sum + (accumulate ? before[at] : T(0));
      const long double bound = (k + 4) *
                                static_cast<long double>(std::numeric_limits<T>::epsilon()) *
                                (size + std::abs(before[at]));
      ASSERT_LE(std::abs(c[at] - expected), bound)
          << m << "x" << n << "x" << k << " ta " << ta << " tb " << tb << " at " << i << "," << j;
    }
}

template <class T>
void sweep_gemm() {
  for (const int m : {1, 2, 3, 5, 6, 7, 8, 13, 25})
    for (const int n : {1, 3, 8, 15, 16, 17, 31, 33, 64, 70, 130})
      for (const int k : {1, 2, 7, 32, 65})
        for (int flags = 0; flags < 8; ++flags) {
          check_gemm<T>(flags & 1, flags & 2, m, n, k, flags & 4, (m + n + k) % 3);
        }
}

TEST(GemmSmallTest, FloatEqualsTheNaiveTwin) { sweep_gemm<float>(); }
TEST(GemmSmallTest, DoubleEqualsTheNaiveTwin) { sweep_gemm<double>(); }

TEST(MultiplySignTest, KeepsFlipsOrClears) {
  const std::vector<float> x = {1, 2, 3, -4}, w = {2, -1, 0, -0.5f};
  std::vector<float> y = {10, 10, 10, 10};
  kernels<float>().multiply_sign(x.data(), w.data(), 4, false, y.data());
  EXPECT_EQ(y, (std::vector<float>{1, -2, 0, 4}));
  kernels<float>().multiply_sign(x.data(), w.data(), 4, true, y.data());
  EXPECT_EQ(y, (std::vector<float>{2, -4, 0, 8}));
}

TEST(ColumnKernelsTest, EqualNaiveTwins) {
  for (const int rows : {1, 2, 9})
    for (const int cols : {1, 5, 16, 33}) {
      const auto count = static_cast<std::size_t>(rows * cols);
      const auto x = draw<double>(count, 4), z = draw<double>(count, 5);
      const auto inv = draw<double>(static_cast<std::size_t>(cols), 6),
                 mean = draw<double>(static_cast<std::size_t>(cols), 7);
      std::vector<double> sums(static_cast<std::size_t>(cols)), y(count), bar(count, 1.0);
      kernels<double>().column_dots(x.data(), z.data(), rows, cols, cols, sums.data());
      kernels<double>().scale_columns(x.data(), inv.data(), rows, cols, y.data());
      kernels<double>().scale_columns_vjp(x.data(), z.data(), inv.data(), mean.data(), rows, cols,
                                          true, bar.data());
      for (std::size_t j = 0; j < static_cast<std::size_t>(cols); ++j) {
        double sum = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
          const std::size_t at = i * static_cast<std::size_t>(cols) + j;
          sum += x[at] * z[at];
          EXPECT_DOUBLE_EQ(y[at], x[at] * inv[j]);
          EXPECT_NEAR(bar[at], 1 + inv[j] * (z[at] - x[at] * mean[j]), 1e-13);
        }
        EXPECT_NEAR(sums[j], sum, 1e-13);
      }
    }
}

}  // namespace
}  // namespace metaplastic
