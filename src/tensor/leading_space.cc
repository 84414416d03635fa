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

// The same for every program: the first block of a Krylov space.
RowMatrix random_block(int size, int block_size) {
  Random random(0, Purpose::kLeadingSpace);
  RowMatrix block(size, block_size);
  std::generate_n(block.data(), block.size(), [&] { return random.normal(); });
  return block;
}

// block - Q (Q^T block), Q the first `count` columns of `all`.
void remove_span(const RowMatrix& all, int count, RowMatrix& block) {
  const auto size = static_cast<int>(all.rows()), m = static_cast<int>(block.cols());
  RowMatrix along(count, m);
  gemm(true, false, count, m, size, 1.0f, all.data(), all.cols(), block.data(), m, 0.0f,
       along.data(), m);
  gemm(false, false, size, m, count, -1.0f, all.data(), all.cols(), along.data(), m, 1.0f,
       block.data(), m);
}

// krylov_basis block by block, most of it in products. A block that adds nothing new leaves noise,
// which the second pass makes orthogonal to the rest again.
RowMatrix krylov_basis_of_products(int size, int block_size, int num_blocks,
                                   const std::function<RowMatrix(const RowMatrix&)>& product) {
  RowMatrix all(size, block_size * num_blocks);
  all.setZero();
  RowMatrix block = orthonormal(random_block(size, block_size));
  for (int b = 0; b < num_blocks; ++b) {
    if (b > 0) block = product(block);
    for (int pass = 0; b > 0 && pass < 2; ++pass) {
      remove_span(all, b * block_size, block);
      block = orthonormal(block);
    }
    all.middleCols(b * block_size, block_size) = block;
  }
  return all;
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
                               const std::function<RowMatrix(const RowMatrix&)>& product) {
  if (size <= block_size * num_blocks)
    return leading_space(size, block_size, num_blocks, product).values;
  const RowMatrix basis = krylov_basis_of_products(size, block_size, num_blocks, product);
  const RowMatrix image = product(basis);
  const auto m = static_cast<int>(basis.cols());
  RowMatrix within(m, m);
  gemm(true, false, m, m, size, 1.0f, basis.data(), m, image.data(), m, 0.0f, within.data(), m);
  const Eigen::MatrixXd symmetric = ((within + within.transpose()) / 2).cast<double>();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(symmetric, Eigen::EigenvaluesOnly);
  return solver.eigenvalues().reverse();
}

}  // namespace metaplastic
