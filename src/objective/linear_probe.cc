#include "objective/linear_probe.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "tensor/blas.h"
#include "tensor/cholesky.h"

namespace metaplastic {
namespace {

using MatrixF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::int64_t kQueryBlock = 1024;

// Coefficients [F, Y] of every lambda side by side, for query rows centred by `mean`.
struct Fit {
  Eigen::RowVectorXf mean;  // [F]
  MatrixF beta;             // [F, num_lambdas * Y]
};

MatrixD centred_targets(std::span<const int> labels, int num_classes,
                        std::span<const std::int64_t> support) {
  MatrixD targets = MatrixD::Zero(static_cast<Eigen::Index>(support.size()), num_classes);
  for (std::size_t i = 0; i < support.size(); ++i) {
    targets(static_cast<Eigen::Index>(i), labels[static_cast<std::size_t>(support[i])]) = 1;
  }
  targets.rowwise() -= targets.colwise().mean().eval();
  return targets;
}

// Share of each class among the support: what centring takes from its targets.
std::vector<float> class_shares(std::span<const int> labels, int num_classes,
                                std::span<const std::int64_t> support) {
  std::vector<float> shares(static_cast<std::size_t>(num_classes), 0.0f);
  for (const std::int64_t row : support) {
    shares[static_cast<std::size_t>(labels[static_cast<std::size_t>(row)])] += 1;
  }
  for (float& share : shares) share /= static_cast<float>(support.size());
  return shares;
}

// X^T (X X^T + lambda I)^-1 Y or (X^T X + lambda I)^-1 X^T Y, whichever system is smaller.
MatrixD solve_ridge(const MatrixD& x, const MatrixD& products, const MatrixD& y, double lambda) {
  const bool by_rows = products.rows() == x.rows() && x.rows() < x.cols();
  MatrixD system = products;
  system.diagonal().array() += lambda;
  const Eigen::LLT<MatrixD> cholesky(system);
  METAPLASTIC_CHECK(cholesky.info() == Eigen::Success);
  if (by_rows) return x.transpose() * cholesky.solve(y);
  return cholesky.solve(x.transpose() * y);
}

// Above so many values support rows are not copied as a whole.
constexpr std::int64_t kMaxCopied = std::int64_t{1} << 22;
constexpr Eigen::Index kSupportBlock = 512;

// As fit_probe, of more rows than features, in blocks: products of Value, added up in doubles.
// Nothing where rounding leaves a system with negative eigenvalues.
template <class Value>
std::optional<Fit> fit_probe_by_blocks(std::span<const float> features, int F, const MatrixD& y,
                                       std::span<const std::int64_t> support,
                                       std::span<const double> lambdas) {
  using MatrixV = Eigen::Matrix<Value, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto n = static_cast<Eigen::Index>(support.size());
  Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(F);
  const auto row_of = [&](Eigen::Index i) {
    return Eigen::Map<const Eigen::RowVectorXf>(
        features.data() + support[static_cast<std::size_t>(i)] * F, F);
  };
  for (Eigen::Index i = 0; i < n; ++i) mean += row_of(i).template cast<double>();
  mean /= static_cast<double>(n);
  Fit fit;
  fit.mean = mean.cast<float>();
  MatrixD products = MatrixD::Zero(F, F), answers = MatrixD::Zero(F, y.cols());
  MatrixV x(kSupportBlock, F), part(F, F);
  for (Eigen::Index first = 0; first < n; first += kSupportBlock) {
    const Eigen::Index count = std::min(kSupportBlock, n - first);
    for (Eigen::Index i = 0; i < count; ++i)
      x.row(i) = (row_of(first + i) - fit.mean).template cast<Value>();
    gemm(true, false, F, F, static_cast<int>(count), Value{1}, x.data(), F, x.data(), F, Value{0},
         part.data(), F);
    products += part.template cast<double>();
    answers += x.topRows(count).template cast<double>().transpose() * y.middleRows(first, count);
  }
  const double length = products.trace() / static_cast<double>(n);
  const double square = length > 0 ? 1 / length : 1;
  products *= square;
  fit.beta.resize(F, static_cast<Eigen::Index>(lambdas.size()) * y.cols());
  for (std::size_t k = 0; k < lambdas.size(); ++k) {
    MatrixD system = products;
    system.diagonal().array() += lambdas[k];
    const Eigen::LLT<MatrixD> cholesky(system);
    if (cholesky.info() != Eigen::Success) return std::nullopt;
    fit.beta.middleCols(static_cast<Eigen::Index>(k) * y.cols(), y.cols()) =
        (cholesky.solve(answers) * square).cast<float>();
  }
  return fit;
}

// So many features depend on each other, and rounding of floats leaves negative eigenvalues.
constexpr int kMaxFloatFeatures = 2048;

// As fit_probe, of more rows than features, for many features: doubles, and blocks of gemm.
Fit fit_large_probe(std::span<const float> features, int F, const MatrixD& y,
                    std::span<const std::int64_t> support, std::span<const double> lambdas) {
  const auto n = static_cast<Eigen::Index>(support.size());
  const auto row_of = [&](Eigen::Index i) {
    return Eigen::Map<const Eigen::RowVectorXf>(
        features.data() + support[static_cast<std::size_t>(i)] * F, F);
  };
  Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(F);
  for (Eigen::Index i = 0; i < n; ++i) mean += row_of(i).cast<double>();
  mean /= static_cast<double>(n);
  Fit fit{mean.cast<float>(), {}};
  RowMatrixD products = RowMatrixD::Zero(F, F), answers = RowMatrixD::Zero(F, y.cols());
  RowMatrixD x(kSupportBlock, F);
  for (Eigen::Index first = 0; first < n; first += kSupportBlock) {
    const Eigen::Index count = std::min(kSupportBlock, n - first);
    for (Eigen::Index i = 0; i < count; ++i)
      x.row(i) = (row_of(first + i) - fit.mean).cast<double>();
    add_products(x, static_cast<int>(count), products);
    answers += x.topRows(count).transpose() * y.middleRows(first, count);
  }
  const double length = products.trace() / static_cast<double>(n);
  const double square = length > 0 ? 1 / length : 1;
  fit.beta.resize(F, static_cast<Eigen::Index>(lambdas.size()) * y.cols());
  for (std::size_t k = 0; k < lambdas.size(); ++k) {
    RowMatrixD system = products * square;
    system.diagonal().array() += lambdas[k];
    METAPLASTIC_CHECK(factor_cholesky(system));
    RowMatrixD beta = answers * square;
    solve_cholesky(system, beta);
    fit.beta.middleCols(static_cast<Eigen::Index>(k) * y.cols(), y.cols()) = beta.cast<float>();
  }
  return fit;
}

Fit fit_probe(std::span<const float> features, int F, const MatrixD& y,
              std::span<const std::int64_t> support, std::span<const double> lambdas) {
  const auto n = static_cast<Eigen::Index>(support.size());
  if (n >= F && n * F > kMaxCopied) {
    if (F > kMaxFloatFeatures) return fit_large_probe(features, F, y, support, lambdas);
    if (auto fit = fit_probe_by_blocks<float>(features, F, y, support, lambdas)) return *fit;
    const auto fit = fit_probe_by_blocks<double>(features, F, y, support, lambdas);
    METAPLASTIC_CHECK(fit);
    return *fit;
  }
  MatrixD x(n, F);
  for (Eigen::Index i = 0; i < n; ++i) {
    const float* row = features.data() + support[static_cast<std::size_t>(i)] * F;
    x.row(i) = Eigen::Map<const Eigen::RowVectorXf>(row, F).cast<double>();
  }
  Fit fit;
  const Eigen::RowVectorXd mean = x.colwise().mean();
  fit.mean = mean.cast<float>();
  x.rowwise() -= mean;
  const double length = std::sqrt(x.squaredNorm() / static_cast<double>(n));
  // Features that do not vary at all tell nothing; every scale then gives the same predictions.
  const double scale = length > 0 ? 1 / length : 1;
  x *= scale;
  const MatrixD products = n < F ? MatrixD(x * x.transpose()) : MatrixD(x.transpose() * x);
  fit.beta.resize(F, static_cast<Eigen::Index>(lambdas.size()) * y.cols());
  for (std::size_t k = 0; k < lambdas.size(); ++k) {
    fit.beta.middleCols(static_cast<Eigen::Index>(k) * y.cols(), y.cols()) =
        (solve_ridge(x, products, y, lambdas[k]) * scale).cast<float>();
  }
  return fit;
}

int largest_of(const float* score, int Y) {
  return static_cast<int>(std::max_element(score, score + Y) - score);
}

// Fits on the support and calls use(i, k, score), score [Y], for every query row i and lambda k.
template <class Use>
void predict(std::span<const float> features, int F, std::span<const int> labels, int Y,
             const ProbeDraw& draw, std::span<const double> lambdas, const Use& use) {
  METAPLASTIC_CHECK(!draw.support.empty() && !draw.query.empty() && Y >= 2);
  METAPLASTIC_CHECK(features.size() == labels.size() * static_cast<std::size_t>(F));
  const Fit fit =
      fit_probe(features, F, centred_targets(labels, Y, draw.support), draw.support, lambdas);
  const int columns = static_cast<int>(fit.beta.cols());
  const auto num_query = static_cast<std::int64_t>(draw.query.size());
  MatrixF x(std::min(num_query, kQueryBlock), F), scores(x.rows(), columns);
  for (std::int64_t first = 0; first < num_query; first += kQueryBlock) {
    const std::int64_t count = std::min(kQueryBlock, num_query - first);
    for (std::int64_t i = 0; i < count; ++i) {
      const float* row = features.data() + draw.query[static_cast<std::size_t>(first + i)] * F;
      x.row(i) = Eigen::Map<const Eigen::RowVectorXf>(row, F) - fit.mean;
    }
    gemm(false, false, static_cast<int>(count), columns, F, 1.0f, x.data(), F, fit.beta.data(),
         columns, 0.0f, scores.data(), columns);
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::size_t k = 0; k < lambdas.size(); ++k) {
        const float* score = scores.data() + i * columns + static_cast<std::int64_t>(k) * Y;
        use(static_cast<std::size_t>(first + i), k, score);
      }
    }
  }
}

}  // namespace

const std::vector<double>& lambda_grid() {
  static const std::vector<double> kGrid = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 1e1, 1e2};
  return kGrid;
}

std::vector<double> probe_accuracies(std::span<const float> features, int num_features,
                                     std::span<const int> labels, int num_classes,
                                     const ProbeDraw& draw, std::span<const double> lambdas) {
  std::vector<std::int64_t> num_right(lambdas.size(), 0);
  predict(features, num_features, labels, num_classes, draw, lambdas,
          [&](std::size_t i, std::size_t k, const float* score) {
            num_right[k] +=
                largest_of(score, num_classes) == labels[static_cast<std::size_t>(draw.query[i])];
          });
  std::vector<double> accuracies;
  for (const std::int64_t right : num_right) {
    accuracies.push_back(static_cast<double>(right) / static_cast<double>(draw.query.size()));
  }
  return accuracies;
}

std::vector<int> probe_predictions(std::span<const float> features, int num_features,
                                   std::span<const int> labels, int num_classes,
                                   const ProbeDraw& draw, double lambda) {
  std::vector<int> classes(draw.query.size());
  predict(features, num_features, labels, num_classes, draw, {&lambda, 1},
          [&](std::size_t i, std::size_t, const float* score) {
            classes[i] = largest_of(score, num_classes);
          });
  return classes;
}

std::vector<float> probe_scores(std::span<const float> features, int num_features,
                                std::span<const int> labels, int num_classes, const ProbeDraw& draw,
                                std::span<const double> lambdas) {
  const auto Y = static_cast<std::size_t>(num_classes);
  const std::vector<float> shares = class_shares(labels, num_classes, draw.support);
  std::vector<float> scores(draw.query.size() * lambdas.size() * Y);
  predict(features, num_features, labels, num_classes, draw, lambdas,
          [&](std::size_t i, std::size_t k, const float* score) {
            float* out = scores.data() + (i * lambdas.size() + k) * Y;
            for (std::size_t y = 0; y < Y; ++y) out[y] = score[y] + shares[y];
          });
  return scores;
}

ProbeWeights probe_weights(std::span<const float> features, int num_features,
                           std::span<const int> labels, int num_classes,
                           std::span<const std::int64_t> support, double lambda) {
  const Fit fit = fit_probe(features, num_features, centred_targets(labels, num_classes, support),
                            support, {&lambda, 1});
  ProbeWeights weights;
  weights.W.assign(fit.beta.data(), fit.beta.data() + fit.beta.size());
  weights.b = class_shares(labels, num_classes, support);
  const Eigen::RowVectorXd shift = fit.mean.cast<double>() * fit.beta.cast<double>();
  for (int y = 0; y < num_classes; ++y) {
    weights.b[static_cast<std::size_t>(y)] -= static_cast<float>(shift[y]);
  }
  return weights;
}

}  // namespace metaplastic
