#include "objective/logistic_probe.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"

namespace metaplastic {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int kMaxSteps = 300;
constexpr double kLargestDerivative = 1e-4;

Matrix rows_of(std::span<const float> features, int F, std::span<const std::int64_t> rows) {
  Matrix x(static_cast<Eigen::Index>(rows.size()), F);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const float* row = features.data() + rows[i] * F;
    x.row(static_cast<Eigen::Index>(i)) =
        Eigen::Map<const Eigen::RowVectorXf>(row, F).cast<double>();
  }
  return x;
}

// Softmax of every row, in place.
void softmax_rows(Matrix& logits) {
  logits.colwise() -= logits.rowwise().maxCoeff().eval();
  logits = logits.array().exp();
  logits.array().colwise() /= logits.rowwise().sum().array().eval();
}

// Features in the scale of the support, with a column of ones behind them.
class Scale {
 public:
  explicit Scale(const Matrix& support) : mean_(support.colwise().mean()) {
    const double square = (support.rowwise() - mean_).squaredNorm();
    if (square > 0) scale_ = std::sqrt(static_cast<double>(support.rows()) / square);
  }
  Matrix apply(const Matrix& rows) const {
    Matrix x(rows.rows(), rows.cols() + 1);
    x.leftCols(rows.cols()) = (rows.rowwise() - mean_) * scale_;
    x.col(rows.cols()).setOnes();
    return x;
  }

 private:
  Eigen::RowVectorXd mean_;
  double scale_ = 1;  // features that do not vary tell nothing, whatever their scale
};

// W [F+1,Y], the last row of which is the bias.
Matrix minimise(const Matrix& x, const Matrix& targets, double lambda) {
  const Eigen::Index F = x.cols() - 1;
  // Of an example the Hessian is diag(p) - p p^T, at most half the identity.
  Matrix bound = 0.5 * x.transpose() * x;
  bound.diagonal().head(F).array() += lambda;
  const Eigen::LLT<Matrix> cholesky(bound);
  METAPLASTIC_CHECK(cholesky.info() == Eigen::Success);
  Matrix W = Matrix::Zero(x.cols(), targets.cols());
  for (int step = 0; step < kMaxSteps; ++step) {
    Matrix residual = x * W;
    softmax_rows(residual);
    residual -= targets;
    Matrix slope = x.transpose() * residual;
    slope.topRows(F) += lambda * W.topRows(F);
    if (slope.cwiseAbs().maxCoeff() < kLargestDerivative) break;
    W -= cholesky.solve(slope);
  }
  return W;
}

struct Problem {
  Problem(std::span<const float> features, int num_features, std::span<const int> labels,
          int num_classes, const ProbeDraw& draw) {
    const Matrix support = rows_of(features, num_features, draw.support);
    const Scale scale(support);
    x = scale.apply(support);
    query = scale.apply(rows_of(features, num_features, draw.query));
    targets = Matrix::Zero(x.rows(), num_classes);
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
      const auto row = static_cast<std::size_t>(draw.support[static_cast<std::size_t>(i)]);
      targets(i, labels[row]) = 1;
    }
  }
  std::vector<int> predict(double lambda) const {
    const Matrix logits = query * minimise(x, targets, lambda);
    std::vector<int> classes;
    for (Eigen::Index i = 0; i < logits.rows(); ++i) {
      Eigen::Index best = 0;
      logits.row(i).maxCoeff(&best);
      classes.push_back(static_cast<int>(best));
    }
    return classes;
  }

  Matrix x, targets, query;  // [n,F+1], [n,Y], [m,F+1]
};

}  // namespace

const std::vector<std::string>& probe_names() {
  static const std::vector<std::string> kNames = {"ridge", "logistic"};
  return kNames;
}

ProbeKind probe_from_name(std::string_view name) {
  const auto found = std::ranges::find(probe_names(), name);
  if (found == probe_names().end()) {
    fail("expected a probe ({}), found {}{}", join_names(probe_names()), quote_text(name),
         did_you_mean(name, probe_names()));
  }
  return static_cast<ProbeKind>(found - probe_names().begin());
}

const std::vector<double>& probe_lambdas(ProbeKind kind) {
  static const std::vector<double> kLogisticGrid = {1e-4, 1e-3, 1e-2, 1e-1, 1, 10};
  return kind == ProbeKind::kRidge ? lambda_grid() : kLogisticGrid;
}

std::vector<double> logistic_accuracies(std::span<const float> features, int num_features,
                                        std::span<const int> labels, int num_classes,
                                        const ProbeDraw& draw, std::span<const double> lambdas) {
  const Problem problem(features, num_features, labels, num_classes, draw);
  std::vector<double> accuracies;
  for (const double lambda : lambdas) {
    const std::vector<int> predicted = problem.predict(lambda);
    int right = 0;
    for (std::size_t i = 0; i < predicted.size(); ++i)
      right += predicted[i] == labels[static_cast<std::size_t>(draw.query[i])];
    accuracies.push_back(static_cast<double>(right) / static_cast<double>(predicted.size()));
  }
  return accuracies;
}

std::vector<int> logistic_predictions(std::span<const float> features, int num_features,
                                      std::span<const int> labels, int num_classes,
                                      const ProbeDraw& draw, double lambda) {
  return Problem(features, num_features, labels, num_classes, draw).predict(lambda);
}

}  // namespace metaplastic
