#include "principal_plane.h"

#include <Eigen/Dense>

namespace metaplastic {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Points = Eigen::Matrix<float, Eigen::Dynamic, 2, Eigen::RowMajor>;

std::vector<float> principal_plane(std::span<const float> features, int num_rows,
                                   std::span<const float> earlier) {
  const auto F = static_cast<Eigen::Index>(features.size()) / num_rows;
  Matrix X = Eigen::Map<const Matrix>(features.data(), num_rows, F);
  X.rowwise() -= X.colwise().mean();
  std::vector<float> points(2 * static_cast<std::size_t>(num_rows), 0.0f);
  if (F < 2) {
    for (int n = 0; n < num_rows; ++n) points[2 * static_cast<std::size_t>(n)] = X(n, 0);
    return points;
  }
  const Eigen::MatrixXf covariance = X.transpose() * X;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXf> solver(covariance);
  Eigen::Map<Points> P(points.data(), num_rows, 2);
  P = X * solver.eigenvectors().rightCols<2>().rowwise().reverse();
  if (earlier.size() == points.size()) {
    // Orthogonal Procrustes.
    const Eigen::Map<const Points> E(earlier.data(), num_rows, 2);
    const Eigen::Matrix2f cross = P.transpose() * E;
    const Eigen::JacobiSVD<Eigen::Matrix2f> svd(cross, Eigen::ComputeFullU | Eigen::ComputeFullV);
    P = (P * (svd.matrixU() * svd.matrixV().transpose())).eval();
  }
  return points;
}

}  // namespace metaplastic
