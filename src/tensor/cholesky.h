// Cholesky factors of large matrices in place, in which nearly all flops are those of gemm.
#pragma once

#include <Eigen/Core>

namespace metaplastic {

using RowMatrixD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// a [n,n] -> L of a = L L^T; only the lower triangle is read and written. False, and a is of no
// use, where a has an eigenvalue that is not positive. Cost: n^3 / 3 flops.
bool factor_cholesky(RowMatrixD& a);

// lower += x^T x of rows x [count,n], in its lower triangle. Cost: count n^2 flops.
void add_products(const RowMatrixD& x, int count, RowMatrixD& lower);

// L L^T y = x for x [n,m] -> y, in place.
void solve_cholesky(const RowMatrixD& L, RowMatrixD& x);

}  // namespace metaplastic
