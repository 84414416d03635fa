#include "objective/logistic_probe.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "objective/logistic_solver.h"

namespace metaplastic {
namespace {

using Matrix = LogisticMatrix;

Matrix rows_of(std::span<const float> features, int F, std::span<const std::int64_t> rows) {
  Matrix x(static_cast<Eigen::Index>(rows.size()), F);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const float* row = features.data() + rows[i] * F;
    x.row(static_cast<Eigen::Index>(i)) =
        Eigen::Map<const Eigen::RowVectorXf>(row, F).cast<double>();
  }
  return x;
}

// Features in the scale of the support.
class Scale {
 public:
  explicit Scale(const Matrix& support) : mean_(support.colwise().mean()) {
    const double square = (support.rowwise() - mean_).squaredNorm();
    if (square > 0) scale_ = std::sqrt(static_cast<double>(support.rows()) / square);
  }
  Matrix apply(const Matrix& rows) const { return (rows.rowwise() - mean_) * scale_; }

 private:
  Eigen::RowVectorXd mean_;
  double scale_ = 1;  // features that do not vary tell nothing, whatever their scale
};

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
    const Matrix W = solve_logistic(x, targets, lambda);
    const Matrix logits = (query * W.topRows(query.cols())).rowwise() + W.row(query.cols());
    std::vector<int> classes;
    for (Eigen::Index i = 0; i < logits.rows(); ++i) {
      Eigen::Index best = 0;
      logits.row(i).maxCoeff(&best);
      classes.push_back(static_cast<int>(best));
    }
    return classes;
  }

  Matrix x, targets, query;  // [n,F], [n,Y], [m,F]
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
