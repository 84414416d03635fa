#include "apply/view_whitening.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/dataset_rows.h"
#include "tensor/blas.h"
#include "tensor/leading_space.h"

namespace metaplastic {
namespace {

constexpr float kDeviationOffset = 0.1f;  // of the mean deviation
constexpr float kViewShrinkage = 0.3f;    // of the mean variance between views
constexpr int kSpaceBlocks = 4;           // of the Krylov space, together twice the directions
constexpr std::int64_t kWhitenedBlock = 512;

RowMatrix read_matrix(const RowSource& rows) {
  RowMatrix x(rows.num_rows(), rows.num_features());
  rows.read_rows(0, rows.num_rows(), {x.data(), static_cast<std::size_t>(x.size())});
  return x;
}

// x^T x / N, symmetric in its bits.
RowMatrix second_moments(const RowMatrix& x) {
  const int K = static_cast<int>(x.cols()), N = static_cast<int>(x.rows());
  RowMatrix result(K, K);
  gemm(true, false, K, K, N, 1.0f / static_cast<float>(N), x.data(), K, x.data(), K, 0.0f,
       result.data(), K);
  return (result + result.transpose()) / 2;
}

}  // namespace

WindowWhitening fit_view_whitening(const RowSource& rows, const RowSource& views) {
  const int K = rows.num_features();
  METAPLASTIC_CHECK(rows.num_rows() >= 2 && views.num_rows() == rows.num_rows() &&
                    views.num_features() == K);
  if (K > kMaxViewInputs) {
    fail(
        "layers: expected at most {} inputs of a dense layer that whitens, found {}; use a smaller "
        "grid or fewer units below it",
        kMaxViewInputs, K);
  }
  RowMatrix a = read_matrix(rows), b = read_matrix(views);
  const Eigen::RowVectorXf mean = (a.colwise().mean() + b.colwise().mean()) / 2;
  a.rowwise() -= mean;
  b.rowwise() -= mean;
  const Eigen::RowVectorXf deviation = a.cwiseAbs2().colwise().mean().cwiseSqrt();
  const float floor = kDeviationOffset * deviation.mean();
  WindowWhitening whitening;
  whitening.mean.assign(mean.begin(), mean.end());
  if (floor == 0) {  // rows that are all alike
    whitening.matrix.assign(static_cast<std::size_t>(K) * static_cast<std::size_t>(K), 0.0f);
    Eigen::Map<RowMatrix>(whitening.matrix.data(), K, K).setIdentity();
    return whitening;
  }
  const Eigen::RowVectorXf scale = (deviation.array() + floor).inverse();
  a.array().rowwise() *= scale.array();
  b.array().rowwise() *= scale.array();
  const RowMatrix all = (second_moments(a) + second_moments(b)) / 2;
  a -= b;
  RowMatrix within = second_moments(a) / 2;
  within.diagonal().array() += kViewShrinkage * within.diagonal().mean();
  const Eigen::LLT<Eigen::MatrixXf> factor{Eigen::MatrixXf(within)};
  METAPLASTIC_CHECK(factor.info() == Eigen::Success);
  const int M = std::min({K, kMaxViewDirections, static_cast<int>(rows.num_rows()) - 1});
  const Eigen::MatrixXf half = factor.matrixL().solve(Eigen::MatrixXf(all));
  const RowMatrix seen = factor.matrixL().solve(Eigen::MatrixXf(half.transpose()));
  const LeadingSpace space =
      leading_space(K, std::max(1, 2 * M / kSpaceBlocks), kSpaceBlocks,
                    [&](const RowMatrix& block) { return RowMatrix(seen * block); });
  const Eigen::MatrixXf kept =
      space.vectors.leftCols(std::min<Eigen::Index>(M, space.vectors.cols()));
  RowMatrix matrix = factor.matrixU().solve(kept);
  matrix.array().colwise() *= scale.transpose().array();
  whitening.matrix.assign(matrix.data(), matrix.data() + matrix.size());
  return whitening;
}

std::shared_ptr<const RowSource> whiten_rows(const RowSource& rows,
                                             const WindowWhitening& whitening) {
  const int K = whitening.size(), M = whitening.num_directions();
  const std::int64_t N = rows.num_rows();
  std::vector<float> block(static_cast<std::size_t>(kWhitenedBlock * K));
  std::vector<float> out(static_cast<std::size_t>(N * M));
  for (std::int64_t first = 0; first < N; first += kWhitenedBlock) {
    const std::int64_t count = std::min(kWhitenedBlock, N - first);
    rows.read_rows(first, count, {block.data(), static_cast<std::size_t>(count * K)});
    for (std::int64_t i = 0; i < count; ++i) {
      for (int k = 0; k < K; ++k)
        block[static_cast<std::size_t>(i * K + k)] -= whitening.mean[static_cast<std::size_t>(k)];
    }
    gemm(false, false, static_cast<int>(count), M, K, 1.0f, block.data(), K,
         whitening.matrix.data(), M, 0.0f, out.data() + first * M, M);
  }
  return rows_of(std::move(out), M);
}

}  // namespace metaplastic
