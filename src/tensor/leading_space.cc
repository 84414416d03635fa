#include "tensor/leading_space.h"

#include <Eigen/Dense>
#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace metaplastic {
namespace {

RowMatrix orthonormal(const RowMatrix& columns) {
  const Eigen::HouseholderQR<RowMatrix> qr(columns);
  return qr.householderQ() * RowMatrix::Identity(columns.rows(), columns.cols());
}

RowMatrix krylov_basis(int size, int block_size, int num_blocks,
                       const std::function<RowMatrix(const RowMatrix&)>& product) {
  Random random(0, Purpose::kLeadingSpace);
  RowMatrix block(size, block_size), all(size, block_size * num_blocks);
  std::generate_n(block.data(), block.size(), [&] { return random.normal(); });
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

}  // namespace metaplastic
