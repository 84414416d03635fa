// Eigenvalues and eigenvectors of a symmetric matrix. Eigen's solver takes five seconds to compile,
// so one file compiles it for all; see tensor/leading_space.h for the largest eigenvalues of a
// large matrix.
#pragma once

#include <Eigen/Core>

namespace metaplastic {

struct SymmetricEigen {
  bool converged = false;   // false: an entry is not finite, or the iteration did not end
  Eigen::VectorXd values;   // [n], ascending
  Eigen::MatrixXd vectors;  // [n,n], orthonormal columns in the order of the values
};

// Of matrix [n,n], of which the lower triangle is read.
SymmetricEigen symmetric_eigen(const Eigen::MatrixXd& matrix);
// The values alone, for a fraction of the work.
Eigen::VectorXd symmetric_eigenvalues(const Eigen::MatrixXd& matrix);

}  // namespace metaplastic
