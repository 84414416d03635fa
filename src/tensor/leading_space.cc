#include "tensor/leading_space.h"

#include <Eigen/Dense>
#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "tensor/blas.h"

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

// Q^T block, Q the first `count` columns of `all`: [count, columns of block].
RowMatrix along_span(const RowMatrix& all, int count, const RowMatrix& block, ThreadPool* threads) {
  constexpr int kPiece = 96;
  const auto size = static_cast<int>(all.rows()), m = static_cast<int>(block.cols());
  RowMatrix along(count, m);
  share_out(threads, (count + kPiece - 1) / kPiece, [&](int, int piece) {
    const int first = piece * kPiece;
    gemm(true, false, std::min(kPiece, count - first), m, size, 1.0f, all.data() + first,
         all.cols(), block.data(), m, 0.0f, along.data() + std::ptrdiff_t{first} * m, m);
  });
  return along;
}

// block - Q along.
void remove_span(const RowMatrix& all, const RowMatrix& along, RowMatrix& block,
                 ThreadPool* threads) {
  constexpr int kPiece = 768;
  const auto size = static_cast<int>(all.rows()), m = static_cast<int>(block.cols());
  share_out(threads, (size + kPiece - 1) / kPiece, [&](int, int piece) {
    const int first = piece * kPiece;
    gemm(false, false, std::min(kPiece, size - first), m, static_cast<int>(along.rows()), -1.0f,
         all.data() + first * all.cols(), all.cols(), along.data(), m, 1.0f,
         block.data() + std::ptrdiff_t{first} * m, m);
  });
}

// Q^T M Q for an orthonormal basis Q of the Krylov space, which grows by a block at a time: what is
// taken away from M block is a block of the result. A block that adds nothing new leaves noise,
// which a second pass makes orthogonal to the rest again.
Eigen::MatrixXd krylov_image(int size, int block_size, int num_blocks,
                             const std::function<RowMatrix(const RowMatrix&)>& product,
                             ThreadPool* threads) {
  RowMatrix all(size, block_size * num_blocks);
  all.setZero();
  Eigen::MatrixXd image(block_size * num_blocks, block_size * num_blocks);
  RowMatrix block = orthonormal_by_columns(random_block(size, block_size));
  for (int b = 0; b < num_blocks; ++b) {
    const int first = b * block_size, count = first + block_size;
    all.middleCols(first, block_size) = block;
    block = product(block);
    const RowMatrix along = along_span(all, count, block, threads);
    image.block(0, first, count, block_size) = along.cast<double>();
    image.block(first, 0, block_size, count) = along.cast<double>().transpose();
    if (b + 1 == num_blocks) break;
    remove_span(all, along, block, threads);
    block = orthonormal_by_columns(block);
    remove_span(all, along_span(all, count, block, threads), block, threads);
    block = orthonormal_by_columns(block);
  }
  return (image + image.transpose()) / 2;
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

Eigen::VectorXd leading_values(int size, int block_size, int num_blocks,
                               const std::function<RowMatrix(const RowMatrix&)>& product,
                               ThreadPool* threads) {
  if (size <= block_size * num_blocks)
    return leading_space(size, block_size, num_blocks, product).values;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(
      krylov_image(size, block_size, num_blocks, product, threads), Eigen::EigenvaluesOnly);
  return solver.eigenvalues().reverse();
}

}  // namespace metaplastic
