#include "objective/logistic_solver.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensor/symmetric_eigen.h"

namespace metaplastic {
namespace {

using Matrix = LogisticMatrix;

constexpr int kMaxNewtonSteps = 50;
constexpr int kMaxGradientSteps = 200;  // of conjugate gradients, in a Newton step
constexpr int kMaxHalvings = 30;
constexpr double kLargestDerivative = 1e-6;  // for each example
constexpr double kSmallestVariance = 1e-12;  // of a direction of the rows, beside the largest

// x has a column of ones behind its features; the last row of W is the bias.
struct LogisticProblem {
  const Matrix& x;        // [n,F+1]
  const Matrix& targets;  // [n,Y]
  double lambda = 0;

  Eigen::Index num_features() const { return x.cols() - 1; }

  double loss(const Matrix& W) const {
    const Matrix logits = x * W;
    const Eigen::VectorXd largest = logits.rowwise().maxCoeff();
    const Eigen::VectorXd totals =
        (logits.colwise() - largest).array().exp().rowwise().sum().log().matrix() + largest;
    return totals.sum() - (logits.array() * targets.array()).sum() +
           lambda / 2 * W.topRows(num_features()).squaredNorm();
  }

  // probabilities [n,Y] are those of W.
  Matrix gradient(const Matrix& W, const Matrix& probabilities) const {
    Matrix slope = x.transpose() * (probabilities - targets);
    slope.topRows(num_features()) += lambda * W.topRows(num_features());
    return slope;
  }

  // Of an example the Hessian is (diag(p) - p p^T) for each pair of inputs.
  Matrix hessian_times(const Matrix& V, const Matrix& probabilities) const {
    Matrix change = (x * V).cwiseProduct(probabilities);
    const Eigen::VectorXd mean = change.rowwise().sum();
    change -= mean.asDiagonal() * probabilities;
    Matrix product = x.transpose() * change;
    product.topRows(num_features()) += lambda * V.topRows(num_features());
    return product;
  }
};

// Conjugate gradients for hessian * step = -slope, stopped where it is as exact as Newton needs.
Matrix newton_step(const LogisticProblem& problem, const Matrix& slope,
                   const Matrix& probabilities) {
  Matrix step = Matrix::Zero(slope.rows(), slope.cols());
  Matrix residual = -slope, direction = residual;
  double square = residual.squaredNorm();
  const double length = std::sqrt(square);
  const double wanted = std::min(0.1, std::sqrt(length)) * length;
  for (int k = 0; k < kMaxGradientSteps && std::sqrt(square) > wanted; ++k) {
    const Matrix product = problem.hessian_times(direction, probabilities);
    const double curvature = direction.cwiseProduct(product).sum();
    if (!(curvature > 0)) break;
    const double factor = square / curvature;
    step += factor * direction;
    residual -= factor * product;
    const double next = residual.squaredNorm();
    direction = residual + next / square * direction;
    square = next;
  }
  return step;
}

// x [n,F+1] -> W [F+1,Y].
Matrix newton(const Matrix& x, const Matrix& targets, double lambda) {
  const LogisticProblem problem{x, targets, lambda};
  Matrix W = Matrix::Zero(x.cols(), targets.cols());
  double loss = problem.loss(W);
  for (int step = 0; step < kMaxNewtonSteps; ++step) {
    Matrix probabilities = x * W;
    softmax_rows(probabilities);
    const Matrix slope = problem.gradient(W, probabilities);
    if (slope.cwiseAbs().maxCoeff() <= kLargestDerivative * static_cast<double>(x.rows())) break;
    Matrix change = newton_step(problem, slope, probabilities);
    const double descent = change.cwiseProduct(slope).sum();
    double next = problem.loss(W + change);
    for (int k = 0; k < kMaxHalvings && !(next <= loss + 1e-4 * descent); ++k) {
      change *= 0.5;
      next = problem.loss(W + change);
    }
    if (!(next < loss)) break;  // rounding: as good as it gets
    W += change;
    loss = next;
  }
  return W;
}

Matrix with_ones(const Matrix& x) {
  Matrix wide(x.rows(), x.cols() + 1);
  wide.leftCols(x.cols()) = x;
  wide.col(x.cols()).setOnes();
  return wide;
}

}  // namespace

void softmax_rows(LogisticMatrix& logits) {
  logits.colwise() -= logits.rowwise().maxCoeff().eval();
  logits = logits.array().exp();
  logits.array().colwise() /= logits.rowwise().sum().array().eval();
}

LogisticMatrix solve_logistic(const LogisticMatrix& x, const LogisticMatrix& targets,
                              double lambda) {
  METAPLASTIC_CHECK(x.rows() == targets.rows() && x.rows() > 0 && lambda > 0);
  if (x.rows() >= x.cols()) return newton(with_ones(x), targets, lambda);
  // The solution is a combination of the rows: their coordinates along the principal directions of
  // x are as good as x, and the penalty is the same.
  const SymmetricEigen products = symmetric_eigen(x * x.transpose());
  METAPLASTIC_CHECK(products.converged);
  const Eigen::VectorXd& values = products.values;  // ascending
  const double least = kSmallestVariance * values(values.size() - 1);
  const auto rank = std::count_if(values.begin(), values.end(),
                                  [least](double value) { return value > least && value > 0; });
  const Eigen::VectorXd lengths = values.tail(rank).cwiseSqrt();
  const Eigen::MatrixXd directions = products.vectors.rightCols(rank);  // [n,rank]
  const Matrix coordinates = directions * lengths.asDiagonal();
  const Matrix reduced = newton(with_ones(coordinates), targets, lambda);
  Matrix W(x.cols() + 1, targets.cols());
  W.topRows(x.cols()) =
      x.transpose() * (directions * lengths.cwiseInverse().asDiagonal() * reduced.topRows(rank));
  W.bottomRows(1) = reduced.bottomRows(1);
  return W;
}

}  // namespace metaplastic
