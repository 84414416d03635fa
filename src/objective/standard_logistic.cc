#include "objective/standard_logistic.h"

#include "objective/logistic_solver.h"

namespace metaplastic {
namespace {

// Of single precision, beside the mean: less is rounding.
constexpr double kSmallestDeviation = 1e-6;

}  // namespace

ProbeWeights standard_logistic_weights(std::span<const float> features, int num_features,
                                       std::span<const int> labels, int num_classes,
                                       std::span<const std::int64_t> support) {
  const auto n = static_cast<Eigen::Index>(support.size());
  LogisticMatrix x(n, num_features), targets = LogisticMatrix::Zero(n, num_classes);
  for (Eigen::Index i = 0; i < n; ++i) {
    const std::int64_t row = support[static_cast<std::size_t>(i)];
    x.row(i) =
        Eigen::Map<const Eigen::RowVectorXf>(features.data() + row * num_features, num_features)
            .cast<double>();
    targets(i, labels[static_cast<std::size_t>(row)]) = 1;
  }
  const Eigen::RowVectorXd mean = x.colwise().mean();
  x.rowwise() -= mean;
  Eigen::RowVectorXd scale = (x.colwise().squaredNorm() / static_cast<double>(n)).cwiseSqrt();
  for (Eigen::Index j = 0; j < scale.size(); ++j) {
    scale[j] = scale[j] > kSmallestDeviation * std::abs(mean[j]) ? 1 / scale[j] : 0;
  }
  x *= scale.asDiagonal();
  const LogisticMatrix W = solve_logistic(x, targets, num_classes == 2 ? 2 : 1);
  const LogisticMatrix of_inputs = scale.asDiagonal() * W.topRows(num_features);
  const Eigen::RowVectorXd b = W.row(num_features) - mean * of_inputs;
  ProbeWeights weights;
  for (Eigen::Index i = 0; i < of_inputs.size(); ++i) {
    weights.W.push_back(static_cast<float>(of_inputs.data()[i]));
  }
  for (int y = 0; y < num_classes; ++y) weights.b.push_back(static_cast<float>(b[y]));
  return weights;
}

}  // namespace metaplastic
