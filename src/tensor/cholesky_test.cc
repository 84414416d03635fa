#include "tensor/cholesky.h"

#include <gtest/gtest.h>

#include <Eigen/Cholesky>

#include "base/random.h"

namespace metaplastic {
namespace {

RowMatrixD normal_matrix(int rows, int columns, std::uint32_t stream) {
  Random random(5, Purpose::kTest, 0, stream);
  RowMatrixD x(rows, columns);
  for (Eigen::Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<double>(random.normal());
  return x;
}

// Sizes around the block of 128 columns. Sums of at most 600 products of normals: errors of some
// 600 eps times their size of about 100.
TEST(Cholesky, EqualsTheFactorOfEigenAtEverySize) {
  for (const int n : {1, 2, 127, 128, 129, 300}) {
    const RowMatrixD x = normal_matrix(2 * n, n, 1);
    RowMatrixD lower = RowMatrixD::Zero(n, n);
    add_products(x.topRows(n), n, lower);
    add_products(x.bottomRows(n), n, lower);
    const RowMatrixD products = x.transpose() * x;
    const RowMatrixD part = products.triangularView<Eigen::Lower>();
    EXPECT_LT((RowMatrixD(lower.triangularView<Eigen::Lower>()) - part).cwiseAbs().maxCoeff(),
              1e-10)
        << n;
    ASSERT_TRUE(factor_cholesky(lower));
    const Eigen::LLT<RowMatrixD> reference(products);
    const RowMatrixD L = lower.triangularView<Eigen::Lower>(), expected = reference.matrixL();
    EXPECT_LT((L - expected).cwiseAbs().maxCoeff(), 1e-9) << n;
    RowMatrixD y = normal_matrix(n, 3, 2);
    const RowMatrixD solution = reference.solve(y);
    solve_cholesky(lower, y);
    EXPECT_LT((y - solution).cwiseAbs().maxCoeff(), 1e-8 * solution.cwiseAbs().maxCoeff()) << n;
  }
}

TEST(Cholesky, RefusesAMatrixWithANegativeEigenvalue) {
  for (const int n : {2, 200}) {
    RowMatrixD a = RowMatrixD::Identity(n, n);
    a(n - 1, n - 1) = -1;
    EXPECT_FALSE(factor_cholesky(a));
  }
}

}  // namespace
}  // namespace metaplastic
