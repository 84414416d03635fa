#include "apply/health.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensor/blas.h"
#include "tensor/symmetric_eigen.h"

namespace metaplastic {
namespace {

constexpr double kDeadDeviation = 1e-4;
// Above this many units the spectrum is taken from that many rows instead: same non-zero values.
constexpr int kMaxSpectrum = 512;
constexpr std::int64_t kMaxRankRows = 2000;

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

std::vector<std::string> Health::warnings() const {
  const HealthLimits& limits = kHealthLimits;
  std::vector<std::string> lines;
  if (dead_share > limits.max_dead_share) {
    lines.push_back(fmt::format(
        "health: expected at most {:.0f} % dead units, found {:.0f} %; try another activation or "
        "seed, or fewer inner steps",
        100 * limits.max_dead_share, 100 * dead_share));
  }
  const double least =
      std::min(std::max(limits.min_effective_rank, limits.min_rank_share * num_features),
               1.0 * num_features);
  if (effective_rank < least) {
    lines.push_back(fmt::format(
        "health: expected features of effective rank {:.1f} or more, found {:.1f} of {}; the rule "
        "collapses on this data, try fewer inner steps or another rule",
        least, effective_rank, num_features));
  }
  if (drift > limits.max_drift) {
    lines.push_back(fmt::format(
        "health: expected weights that drift by at most {:.2f} in the last tenth of the inner "
        "steps, found {:.2f}; try more inner steps",
        limits.max_drift, drift));
  }
  return lines;
}

int count_dead_units(std::span<const float> features, std::int64_t num_rows, int num_units) {
  METAPLASTIC_CHECK(static_cast<std::int64_t>(features.size()) == num_rows * num_units);
  const Eigen::Map<const Matrix> x(features.data(), num_rows, num_units);
  const Eigen::RowVectorXd mean = x.cast<double>().colwise().mean();
  const Eigen::RowVectorXd variance =
      (x.cast<double>().rowwise() - mean).colwise().squaredNorm() / static_cast<double>(num_rows);
  return static_cast<int>((variance.array() < kDeadDeviation * kDeadDeviation).count());
}

double effective_rank(std::span<const float> features, std::int64_t num_rows, int num_units) {
  METAPLASTIC_CHECK(static_cast<std::int64_t>(features.size()) == num_rows * num_units);
  const bool by_rows = num_units > kMaxSpectrum;
  const std::int64_t used = std::min(num_rows, by_rows ? kMaxSpectrum : kMaxRankRows);
  const Eigen::Map<const Matrix> all(features.data(), num_rows, num_units);
  // Row-major for gemm, whose products of doubles are much faster than Eigen's.
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> x =
      all.topRows(used).cast<double>();
  x.rowwise() -= x.colwise().mean().eval();
  const auto n = static_cast<int>(by_rows ? used : num_units);
  Eigen::MatrixXd products(n, n);  // symmetric
  gemm(!by_rows, by_rows, n, n, static_cast<int>(by_rows ? num_units : used), 1.0, x.data(),
       num_units, x.data(), num_units, 0.0, products.data(), n);
  const Eigen::ArrayXd values = symmetric_eigenvalues(products).array().max(0.0);
  const double total = values.sum();
  if (!(total > 0)) return 1;
  double entropy = 0;
  for (const double value : values) {
    if (value > 0) entropy -= value / total * std::log(value / total);
  }
  return std::exp(entropy);
}

std::vector<float> weights_of(const Architecture& architecture, std::span<const float> phi) {
  std::vector<float> weights;
  for (int l = 1; l <= architecture.num_layers(); ++l) {
    const LayerOffsets at = layer_offsets(architecture, l);
    weights.insert(weights.end(), phi.begin() + at.W, phi.begin() + at.V);
  }
  return weights;
}

double phi_drift(const Architecture& architecture, std::span<const float> before,
                 std::span<const float> after) {
  METAPLASTIC_CHECK(static_cast<std::int64_t>(after.size()) == architecture.phi_size());
  double sum = 0;
  std::int64_t num_columns = 0, first = 0;
  for (int l = 1; l <= architecture.num_layers(); ++l) {
    const int U_lo = architecture.widths[static_cast<std::size_t>(l - 1)];
    const int U_up = architecture.widths[static_cast<std::size_t>(l)];
    const std::int64_t at = layer_offsets(architecture, l).W;
    METAPLASTIC_CHECK(first + std::int64_t{U_lo} * U_up <= std::ssize(before));
    const Eigen::Map<const Matrix> then(before.data() + first, U_lo, U_up);
    const Eigen::Map<const Matrix> now(after.data() + at, U_lo, U_up);
    for (int u = 0; u < U_up; ++u) {
      sum += static_cast<double>((now.col(u).normalized() - then.col(u).normalized()).norm());
    }
    num_columns += U_up;
    first += std::int64_t{U_lo} * U_up;
  }
  return sum / static_cast<double>(num_columns);
}

}  // namespace metaplastic
