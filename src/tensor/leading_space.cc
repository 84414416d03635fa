#include "tensor/leading_space.h"

#include <Eigen/Dense>
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/random.h"

namespace metaplastic {
namespace {

RowMatrix orthonormal(const RowMatrix& columns) {
  const Eigen::HouseholderQR<RowMatrix> qr(columns);
  return qr.householderQ() * RowMatrix::Identity(columns.rows(), columns.cols());
}

// The same up to rounding and faster: reflections run along columns that lie in one piece.
RowMatrix orthonormal_by_columns(const RowMatrix& columns) {
  const Eigen::MatrixXf in_pieces = columns;
  const Eigen::HouseholderQR<Eigen::MatrixXf> qr(in_pieces);
  return qr.householderQ() * Eigen::MatrixXf::Identity(columns.rows(), columns.cols());
}

// The same for every program: the first block of a Krylov space.
RowMatrix random_block(int size, int block_size) {
  Random random(0, Purpose::kLeadingSpace);
  RowMatrix block(size, block_size);
  std::generate_n(block.data(), block.size(), [&] { return random.normal(); });
  return block;
}

// block <- p(M) block, p the Chebyshev polynomial of that degree of [-1, end]: it is at most 1
// there and grows fast above. `next` is scratch.
void filter(int degree, double end, const BlockProduct& product, RowMatrix& block,
            RowMatrix& next) {
  const auto centre = static_cast<float>((end - 1) / 2);
  const auto scale = static_cast<float>(2 / (end + 1));
  product({scale, centre, false}, block, next);
  for (int n = 1; n < degree; ++n) {
    product({2 * scale, centre, true}, next, block);
    block.swap(next);
  }
  block.swap(next);
}

// Ritz values in the span of a block, ascending; `next` is scratch.
Eigen::VectorXd ritz_values(const BlockProduct& product, RowMatrix& block, RowMatrix& next) {
  block = orthonormal_by_columns(block);
  product({}, block, next);
  const Eigen::MatrixXd within = (block.transpose() * next).cast<double>();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver((within + within.transpose()) / 2,
                                                              Eigen::EigenvaluesOnly);
  return solver.eigenvalues();
}

RowMatrix krylov_basis(int size, int block_size, int num_blocks,
                       const std::function<RowMatrix(const RowMatrix&)>& product) {
  RowMatrix block = random_block(size, block_size), all(size, block_size * num_blocks);
  for (int b = 0; b < num_blocks; ++b) {
    block = orthonormal(b == 0 ? block : product(block));
    all.middleCols(b * block_size, block_size) = block;
  }
  return orthonormal(all);
}

}  // namespace

LeadingSpace leading_space(int size, int block_size, int num_blocks,
                           const std::function<RowMatrix(const RowMatrix&)>& product) {
  METAPLASTIC_CHECK(size >= 1 && block_size >= 1 && num_blocks >= 1);
  const RowMatrix basis = size <= block_size * num_blocks
                              ? RowMatrix(RowMatrix::Identity(size, size))
                              : krylov_basis(size, block_size, num_blocks, product);
  const Eigen::MatrixXd within = (basis.transpose() * product(basis)).cast<double>();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver((within + within.transpose()) / 2);
  return {solver.eigenvalues().reverse(),
          basis * solver.eigenvectors().rowwise().reverse().cast<float>()};
}

double leading_sum(int size, int count, const BlockProduct& product) {
  constexpr int kSpare = 16, kDegree = 12, kMostRounds = 12;
  // Filters that end further below grow beyond floats.
  constexpr double kFirstEnd = 0.8, kLeastEnd = 0, kGrowth = 3e-4;
  METAPLASTIC_CHECK(size >= 1 && count >= 1);
  const bool is_small = size <= 2 * (count + kSpare);
  RowMatrix block =
      is_small ? RowMatrix(RowMatrix::Identity(size, size)) : random_block(size, count + kSpare);
  RowMatrix next(size, block.cols());
  double sum = 0, end = kFirstEnd;
  for (int round = 0; round < kMostRounds; ++round) {
    if (!is_small) filter(kDegree, end, product, block, next);
    const Eigen::VectorXd values = ritz_values(product, block, next);
    const double earlier = std::exchange(sum, values.tail(std::min(count, size)).sum());
    if (is_small || (round > 0 && sum - earlier < kGrowth)) break;
    end = std::max(kLeastEnd, values[0]);
  }
  return sum;
}

}  // namespace metaplastic
