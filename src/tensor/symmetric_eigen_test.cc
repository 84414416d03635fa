#include "tensor/symmetric_eigen.h"

#include <gtest/gtest.h>

#include <limits>

namespace metaplastic {
namespace {

// Q diag(values) Q^T for a reflection Q. Errors are a few eps times the largest value and n.
TEST(SymmetricEigen, FindsWhatAMatrixWasMadeOf) {
  const Eigen::Vector4d values(-2, 0.5, 0.5, 7);
  const Eigen::Vector4d normal = Eigen::Vector4d(1, -2, 3, 0.5).normalized();
  const Eigen::Matrix4d Q = Eigen::Matrix4d::Identity() - 2 * normal * normal.transpose();
  Eigen::MatrixXd matrix = Q * values.asDiagonal() * Q.transpose();
  const double tolerance = 4 * 4 * 7 * 2.2e-16;
  const Eigen::MatrixXd whole = matrix;
  matrix.triangularView<Eigen::StrictlyUpper>().setConstant(99);  // nobody reads it
  const SymmetricEigen found = symmetric_eigen(matrix);
  EXPECT_TRUE(found.converged);
  EXPECT_LT((found.values - values).cwiseAbs().maxCoeff(), tolerance);
  EXPECT_LT(
      (whole * found.vectors - found.vectors * found.values.asDiagonal()).cwiseAbs().maxCoeff(),
      tolerance);
  EXPECT_LT((symmetric_eigenvalues(matrix) - values).cwiseAbs().maxCoeff(), tolerance);
  matrix(2, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(symmetric_eigen(matrix).converged);
}

}  // namespace
}  // namespace metaplastic
