#include "baselines/pca.h"

#include <Eigen/Core>
#include <algorithm>

#include "base/error.h"
#include "base/sample.h"
#include "tensor/blas.h"
#include "tensor/symmetric_eigen.h"

namespace metaplastic {
namespace {

using MatrixF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int kComponents[] = {16, 32, 64, 128};
// Up to this many inputs the whole covariance is decomposed; beyond, the products of this many
// random rows, whose non-zero spectrum is the same.
constexpr int kMaxDecomposed = 2048;
constexpr std::int64_t kPcaBlockRows = 1024;
// Of the largest component's: below it lies the rounding of the float rows.
constexpr double kLeastVariance = 1e-10;
// Of the mean variance: what whitening adds, so that the smallest components are not all noise.
constexpr double kVarianceFloor = 0.01;

// Components are the columns, by falling variance.
struct Components {
  Eigen::RowVectorXf mean;       // [U_0]
  MatrixF axes;                  // [U_0,k]
  Eigen::RowVectorXd variances;  // [k]
};

template <class Visit>
void for_blocks(const RowSource& rows, const Visit& visit) {
  const std::int64_t F = rows.num_features();
  MatrixF block(std::min(kPcaBlockRows, rows.num_rows()), F);
  for (std::int64_t first = 0; first < rows.num_rows(); first += kPcaBlockRows) {
    const std::int64_t count = std::min(kPcaBlockRows, rows.num_rows() - first);
    rows.read_rows(first, count, {block.data(), static_cast<std::size_t>(count * F)});
    visit(MatrixD(block.topRows(count).cast<double>()));
  }
}

Eigen::RowVectorXd mean_of(const RowSource& rows) {
  Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(rows.num_features());
  for_blocks(rows, [&](const MatrixD& block) { sum += block.colwise().sum(); });
  return sum / static_cast<double>(rows.num_rows());
}

Components from_covariance(const RowSource& rows, int k) {
  const int F = rows.num_features();
  const Eigen::RowVectorXd mean = mean_of(rows);
  MatrixD covariance = MatrixD::Zero(F, F);
  for_blocks(rows, [&](MatrixD block) {
    block.rowwise() -= mean;
    gemm(true, false, F, F, static_cast<int>(block.rows()),
         1.0 / static_cast<double>(rows.num_rows()), block.data(), F, block.data(), F, 1.0,
         covariance.data(), F);
  });
  const SymmetricEigen solved = symmetric_eigen(covariance);
  return {mean.cast<float>(), solved.vectors.rightCols(k).rowwise().reverse().cast<float>(),
          solved.values.tail(k).reverse()};
}

Components from_rows(const RowSource& rows, int k, std::uint64_t seed) {
  const Eigen::RowVectorXd mean = mean_of(rows);
  Random random(seed, Purpose::kBaseline);
  const auto drawn = sorted_sample(random, rows.num_rows(), kMaxDecomposed);
  const auto n = static_cast<Eigen::Index>(drawn.size());
  MatrixF sample(n, rows.num_features());
  gather_rows(rows, drawn, {sample.data(), static_cast<std::size_t>(sample.size())});
  const MatrixD x = sample.cast<double>().rowwise() - mean;
  MatrixD products(n, n);
  gemm(false, true, static_cast<int>(n), static_cast<int>(n), rows.num_features(), 1.0, x.data(),
       x.cols(), x.data(), x.cols(), 0.0, products.data(), n);
  const SymmetricEigen solved = symmetric_eigen(products);
  MatrixD axes = x.transpose() * solved.vectors.rightCols(k).rowwise().reverse();
  // The sums above lie along an axis only where the rows vary; elsewhere they are rounding errors.
  const double least = kLeastVariance * solved.values.maxCoeff();
  for (int c = 0; c < k; ++c) {
    if (solved.values[n - 1 - c] > least) {
      axes.col(c).normalize();
    } else {
      axes.col(c).setZero();
    }
  }
  return {mean.cast<float>(), axes.cast<float>(),
          solved.values.tail(k).reverse() / static_cast<double>(n)};
}

// At most `wanted` components, as many as the rows span: n rows span n - 1 directions around their
// mean.
Components components_of(const RowSource& rows, int wanted, std::uint64_t seed) {
  const int F = rows.num_features();
  const auto rank = static_cast<int>(std::min<std::int64_t>(
      {F, std::max<std::int64_t>(1, rows.num_rows() - 1), kMaxDecomposed - 1}));
  const int k = std::min(rank, wanted);
  return F <= kMaxDecomposed ? from_covariance(rows, k) : from_rows(rows, k, seed);
}

class PcaMethod : public FeatureMethod {
 public:
  std::string name() const override { return "pca"; }

  std::vector<FeatureCandidate> fit(const RowSource& training_rows,
                                    const MethodContext& context) override {
    const int F = training_rows.num_features();
    const auto components = std::make_shared<const Components>(
        components_of(training_rows, *std::ranges::max_element(kComponents), context.seed));
    const auto most = static_cast<int>(components->axes.cols());
    std::vector<FeatureCandidate> candidates;
    for (const int wanted : kComponents) {
      const int k = std::min(wanted, most);
      if (!candidates.empty() && candidates.back().num_features == k) break;
      FeatureCandidate candidate;
      candidate.num_features = k;
      candidate.settings = {{"components", k}};
      candidate.encode = [components, k, F](std::span<const float> rows, std::int64_t num_rows,
                                            std::span<float> out) {
        const Eigen::Map<const MatrixF> x(rows.data(), num_rows, F);
        for (std::int64_t first = 0; first < num_rows; first += kPcaBlockRows) {
          const std::int64_t count = std::min(kPcaBlockRows, num_rows - first);
          const MatrixF centred = x.middleRows(first, count).rowwise() - components->mean;
          gemm(false, false, static_cast<int>(count), k, F, 1.0f, centred.data(), F,
               components->axes.data(), components->axes.cols(), 0.0f, out.data() + first * k, k);
        }
      };
      candidates.push_back(std::move(candidate));
    }
    return candidates;
  }
};

}  // namespace

Whitening::Whitening(std::span<const float> rows, int num_inputs, int num_components)
    : num_inputs_(num_inputs) {
  const Components components =
      components_of(*rows_of({rows.begin(), rows.end()}, num_inputs), num_components, 0);
  num_components_ = static_cast<int>(components.axes.cols());
  mean_.assign(components.mean.begin(), components.mean.end());
  axes_.resize(static_cast<std::size_t>(components.axes.size()));
  const double floor = std::max(kVarianceFloor * components.variances.mean(), kLeastVariance);
  Eigen::Map<MatrixF>(axes_.data(), num_inputs_, num_components_) =
      components.axes *
      (components.variances.array().max(0.0) + floor).rsqrt().matrix().cast<float>().asDiagonal();
}

std::vector<float> Whitening::apply(std::span<const float> rows, std::int64_t num_rows) const {
  const Eigen::Map<const MatrixF> x(rows.data(), num_rows, num_inputs_);
  const Eigen::Map<const Eigen::RowVectorXf> mean(mean_.data(), num_inputs_);
  std::vector<float> out(static_cast<std::size_t>(num_rows * num_components_));
  for (std::int64_t first = 0; first < num_rows; first += kPcaBlockRows) {
    const std::int64_t count = std::min(kPcaBlockRows, num_rows - first);
    const MatrixF centred = x.middleRows(first, count).rowwise() - mean;
    gemm(false, false, static_cast<int>(count), num_components_, num_inputs_, 1.0f, centred.data(),
         num_inputs_, axes_.data(), num_components_, 0.0f, out.data() + first * num_components_,
         num_components_);
  }
  return out;
}

std::unique_ptr<FeatureMethod> pca_method() { return std::make_unique<PcaMethod>(); }

}  // namespace metaplastic
