// The one door to BLAS: row-major general products, pinned to one thread.
#pragma once

#include <cstddef>

namespace metaplastic {

// C [m,n] = alpha op(A) op(B) + beta C; row-major, leading dimensions in elements.
// BLAS runs on the calling thread only: its result depends on its thread count (evidence), so
// parallelism is over tasks and never in here.
void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, float alpha, const float* a,
          std::ptrdiff_t lda, const float* b, std::ptrdiff_t ldb, float beta, float* c,
          std::ptrdiff_t ldc);
void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, double alpha, const double* a,
          std::ptrdiff_t lda, const double* b, std::ptrdiff_t ldb, double beta, double* c,
          std::ptrdiff_t ldc);

}  // namespace metaplastic
