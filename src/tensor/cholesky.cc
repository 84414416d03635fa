#include "tensor/cholesky.h"

#include <Eigen/Cholesky>
#include <algorithm>

#include "base/error.h"
#include "tensor/blas.h"

namespace metaplastic {
namespace {

constexpr int kColumns = 128;  // of a block

}  // namespace

bool factor_cholesky(RowMatrixD& a) {
  METAPLASTIC_CHECK(a.rows() == a.cols());
  const int n = static_cast<int>(a.rows());
  for (int j = 0; j < n; j += kColumns) {
    const int w = std::min(kColumns, n - j), below = n - j - w;
    if (j > 0) {
      gemm(false, true, n - j, w, j, -1.0, &a(j, 0), n, &a(j, 0), n, 1.0, &a(j, j), n);
    }
    const Eigen::LLT<RowMatrixD> diagonal{RowMatrixD(a.block(j, j, w, w))};
    if (diagonal.info() != Eigen::Success) return false;
    const RowMatrixD L = diagonal.matrixL();
    a.block(j, j, w, w) = L;
    auto rest = a.block(j + w, j, below, w);
    L.transpose().triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(rest);
  }
  return true;
}

void add_products(const RowMatrixD& x, int count, RowMatrixD& lower) {
  const int n = static_cast<int>(x.cols());
  METAPLASTIC_CHECK(count <= x.rows() && lower.rows() == n && lower.cols() == n);
  for (int j = 0; j < n; j += kColumns) {
    const int w = std::min(kColumns, n - j);
    gemm(true, false, n - j, w, count, 1.0, x.data() + j, n, x.data() + j, n, 1.0, &lower(j, j), n);
  }
}

void solve_cholesky(const RowMatrixD& L, RowMatrixD& x) {
  L.triangularView<Eigen::Lower>().solveInPlace(x);
  L.transpose().triangularView<Eigen::Upper>().solveInPlace(x);
}

}  // namespace metaplastic
