#include "apply/window_whitening.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "base/sample.h"
#include "tensor/kernels.h"
#include "tensor/symmetric_eigen.h"

namespace metaplastic {
namespace {

constexpr std::int64_t kMaxFitRows = 20'000;
// Of the mean eigenvalue.
constexpr double kEigenvalueOffset = 0.1;
constexpr std::uint64_t kWhiteningStream = std::uint64_t{1} << 33;  // of Purpose::kInnerBatch

using Windows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using WideMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

WindowWhitening fit_window_whitening(const RowSource& windows, std::uint64_t seed) {
  METAPLASTIC_CHECK(windows.num_rows() >= 1);
  Random random(seed, Purpose::kInnerBatch, kWhiteningStream);
  const auto drawn = sorted_sample(random, windows.num_rows(), kMaxFitRows);
  const auto K = static_cast<Eigen::Index>(windows.num_features());
  Windows x(static_cast<Eigen::Index>(drawn.size()), K);
  gather_rows(windows, drawn, {x.data(), static_cast<std::size_t>(x.size())});
  const Eigen::RowVectorXd mean = x.cast<double>().colwise().mean();
  x.rowwise() -= mean.cast<float>();
  const WideMatrix covariance =
      (x.transpose() * x).cast<double>() / static_cast<double>(std::max<Eigen::Index>(1, x.rows()));
  const SymmetricEigen solved = symmetric_eigen(covariance);
  METAPLASTIC_CHECK(solved.converged);
  const Eigen::ArrayXd values = solved.values.array().max(0.0);
  const double offset = kEigenvalueOffset * values.mean();
  WindowWhitening whitening;
  whitening.mean.assign(static_cast<std::size_t>(K), 0.0f);
  Eigen::Map<Eigen::RowVectorXf>(whitening.mean.data(), K) = mean.cast<float>();
  whitening.matrix.assign(static_cast<std::size_t>(K * K), 0.0f);
  Eigen::Map<Windows> matrix(whitening.matrix.data(), K, K);
  if (offset == 0) {  // windows that are all alike
    matrix.setIdentity();
    return whitening;
  }
  const WideMatrix E = solved.vectors;
  const WideMatrix scaled = E * (values + offset).rsqrt().matrix().asDiagonal();
  matrix = (scaled * E.transpose()).cast<float>();
  return whitening;
}

void WindowWhitening::apply(float* windows, std::int64_t count, std::vector<float>& scratch) const {
  const int K = size();
  METAPLASTIC_CHECK(num_directions() == K);
  for (std::int64_t i = 0; i < count; ++i) {
    for (int k = 0; k < K; ++k) windows[i * K + k] -= mean[static_cast<std::size_t>(k)];
  }
  const int whole = (K + kPackMultiple - 1) / kPackMultiple * kPackMultiple;
  const auto num_packed = static_cast<std::size_t>(K) * static_cast<std::size_t>(whole);
  const auto num_values = static_cast<std::size_t>(count * K);
  scratch.resize(num_packed + num_values);
  float* const copy = scratch.data() + num_packed;
  std::copy_n(windows, num_values, copy);
  // A row's bits do not depend on the rows beside it (place_layers.h:run_folded).
  kernels<float>().gemm_small(false, false, static_cast<int>(count), K, K, 1.0f, copy, K,
                              matrix.data(), K, /*accumulate=*/false, windows, K, scratch.data());
}

void WindowWhitening::fold_into(FoldedLayer& layer) const {
  const Eigen::Index K = size(), M = num_directions();
  const auto U = static_cast<Eigen::Index>(layer.b.size());
  METAPLASTIC_CHECK(static_cast<Eigen::Index>(layer.W.size()) == M * U);
  const Eigen::Map<const Windows> directions(matrix.data(), K, M);
  const WideMatrix folded =
      directions.cast<double>() * Eigen::Map<const Windows>(layer.W.data(), M, U).cast<double>();
  const Eigen::RowVectorXd shift =
      Eigen::Map<const Eigen::RowVectorXf>(mean.data(), K).cast<double>() * folded;
  layer.W.resize(static_cast<std::size_t>(K * U));
  Eigen::Map<Windows>(layer.W.data(), K, U) = folded.cast<float>();
  Eigen::Map<Eigen::RowVectorXf>(layer.b.data(), U) -= shift.cast<float>();
}

void centre_weights(FoldedLayer& layer) {
  const auto U = static_cast<Eigen::Index>(layer.b.size());
  Eigen::Map<Windows> W(layer.W.data(), static_cast<Eigen::Index>(layer.W.size()) / U, U);
  const Eigen::RowVectorXf means = W.cast<double>().colwise().mean().cast<float>();
  W.rowwise() -= means;
}

void WhitenedRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  rows_->read_rows(first, count, out);
  std::vector<float> scratch;
  whitening_->apply(out.data(), count, scratch);
}

}  // namespace metaplastic
