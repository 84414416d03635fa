// The largest eigenvalues of a symmetric matrix that is known by its products. Blocks of vectors
// find each as often as it occurs, which Lanczos' method from one vector does not: graphs that fall
// into parts have several equal ones.
#pragma once

#include <Eigen/Core>
#include <functional>

#include "tensor/sparse_rows.h"

namespace metaplastic {

using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct LeadingSpace {
  Eigen::VectorXd values;  // descending
  RowMatrix vectors;       // [size, values], orthonormal columns
};

// product(block [size,m]) -> matrix M times block. Rayleigh-Ritz in the block Krylov space, the
// span of block, M block, .., M^(num_blocks-1) block. The block has block_size columns and is
// random (always the same). Where the matrix is no larger than that span, all of its eigenvalues.
// Values are approximate from below, best the first of them.
LeadingSpace leading_space(int size, int block_size, int num_blocks,
                           const std::function<RowMatrix(const RowMatrix&)>& product);

// product(step, block [size,m], out [size,m]): out becomes the step's of M times block.
using BlockProduct = std::function<void(const ProductStep&, const RowMatrix&, RowMatrix&)>;

// The sum of the `count` largest eigenvalues of a symmetric matrix whose eigenvalues lie in [-1,
// 1]. By subspace iteration with Chebyshev filters (Zhou, Saad, Tiago and Chelikowsky 2006), until
// the sum grows by less than 3e-4; from below. The bits do not depend on how products are shared.
double leading_sum(int size, int count, const BlockProduct& product);

}  // namespace metaplastic
