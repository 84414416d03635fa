#include "tensor/blas.h"

#include <cblas.h>

#include "base/system_library.h"

namespace metaplastic {
namespace {

struct OpenBlas {
  SystemLibrary library{METAPLASTIC_OPENBLAS_FILE};
  decltype(cblas_sgemm)* sgemm = library["cblas_sgemm"];
  decltype(cblas_dgemm)* dgemm = library["cblas_dgemm"];
};

const OpenBlas& openblas() {
  static const OpenBlas kLibrary = [] {
    OpenBlas opened;
    decltype(openblas_set_num_threads)* const set_num_threads =
        opened.library["openblas_set_num_threads"];
    set_num_threads(1);
    return opened;
  }();
  return kLibrary;
}

CBLAS_TRANSPOSE op(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

}  // namespace

void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, float alpha, const float* a,
          std::ptrdiff_t lda, const float* b, std::ptrdiff_t ldb, float beta, float* c,
          std::ptrdiff_t ldc) {
  openblas().sgemm(CblasRowMajor, op(transpose_a), op(transpose_b), m, n, k, alpha, a,
                   static_cast<blasint>(lda), b, static_cast<blasint>(ldb), beta, c,
                   static_cast<blasint>(ldc));
}

void gemm(bool transpose_a, bool transpose_b, int m, int n, int k, double alpha, const double* a,
          std::ptrdiff_t lda, const double* b, std::ptrdiff_t ldb, double beta, double* c,
          std::ptrdiff_t ldc) {
  openblas().dgemm(CblasRowMajor, op(transpose_a), op(transpose_b), m, n, k, alpha, a,
                   static_cast<blasint>(lda), b, static_cast<blasint>(ldb), beta, c,
                   static_cast<blasint>(ldc));
}

}  // namespace metaplastic
