// tensor/blas.h by Eigen, which is headers alone, in the place of OpenBLAS.
#include <Eigen/Core>

#include "tensor/blas.h"

namespace metaplastic {
namespace {

template <class T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Operand = Eigen::Map<const RowMajor<T>, 0, Eigen::OuterStride<>>;
template <class T>
using Result = Eigen::Map<RowMajor<T>, 0, Eigen::OuterStride<>>;

template <class T>
void product(bool transpose_a, bool transpose_b, int m, int n, int k, T alpha, const T* a,
             std::ptrdiff_t lda, const T* b, std::ptrdiff_t ldb, T beta, T* c, std::ptrdiff_t ldc) {
  const Operand<T> A(a, transpose_a ? k : m, transpose_a ? m : k, Eigen::OuterStride<>(lda));
  const Operand<T> B(b, transpose_b ? n : k, transpose_b ? k : n, Eigen::OuterStride<>(ldb));
  Result<T> C(c, m, n, Eigen::OuterStride<>(ldc));
  if (beta == 0) {
    C.setZero();
  } else if (beta != 1) {
    C *= beta;
  }
  if (transpose_a && transpose_b) {
    C.noalias() += alpha * (A.transpose() * B.transpose());
  } else if (transpose_a) {
    C.noalias() += alpha * (A.transpose() * B);
  } else if (transpose_b) {
    C.noalias() += alpha * (A * B.transpose());
  } else {
    C.noalias() += alpha * (A * B);
  }
}

}  // namespace

void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, float alpha, const float* a,
          std::ptrdiff_t lda, const float* b, std::ptrdiff_t ldb, float beta, float* c,
          std::ptrdiff_t ldc) {
  product(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, double alpha, const double* a,
          std::ptrdiff_t lda, const double* b, std::ptrdiff_t ldb, double beta, double* c,
          std::ptrdiff_t ldc) {
  product(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

}  // namespace metaplastic
