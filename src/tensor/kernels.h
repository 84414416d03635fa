// The vector kernels under the operations, one table per instruction set, chosen at run time.
//
// Shapes: a "unit" is a contiguous block [C, B], channels by examples. Every kernel has a naive
// twin in kernels_test.cc. METAPLASTIC_SIMD=portable|avx2|avx512 forces a table (see simd_name()).
#pragma once

#include <cstddef>
#include <string_view>

namespace metaplastic {

// Element-wise functions, with the derivative that the adjoint uses.
enum class Unary : int {
  kIdentity,
  kRelu,
  kLeakyRelu,  // slope 0.01 below zero
  kTanh,
  kElu,  // alpha 1
  kSigmoid,
  kSoftplus,
  kSwish,         // x sigmoid(x)
  kStep,          // x > 0; derivative 0
  kSignedSquare,  // x^2 sign(x)
  kGaussian,      // exp(-x^2)
  kRootGrowth,    // sqrt(1 + x^2) - 1
};

// More lanes than any vector has.
constexpr int kPackMultiple = 64;

template <class T>
struct Kernels {
  std::string_view name;

  // y[co,b] (+)= sum_k a[k*lda + co] rows[k][b] + unit_offset[co] + example_offset[co*B + b].
  // One unit; rows are K pointers to B examples; offsets may be null. Cost 2 K Co B flops.
  void (*linear_unit)(const T* const* rows, int K, const T* a, std::ptrdiff_t lda, int Co, int B,
                      const T* unit_offset, const T* example_offset, bool accumulate, T* y);

  // The same for one unit without offsets; output channel co goes to y_rows[co], where it is added
  // if accumulate[co].
  void (*linear_rows)(const T* const* rows, int K, const T* a, std::ptrdiff_t lda, int Co, int B,
                      T* const* y_rows, const bool* accumulate);

  // a_bar[k*lda + co] += sum over units, b of x_rows[u*K + k][b] y_bar[u][co*B + b]. Sums over all
  // units are taken in registers, so it is for as many units as the second-level cache holds.
  void (*linear_weight_vjp)(const T* const* x_rows, const T* const* y_bar, int num_units, int K,
                            int Co, int B, T* a_bar, std::ptrdiff_t lda);
  // sums[c] += sum_b x[c*B + b]
  void (*row_sums)(const T* x, int C, int B, T* sums);
  // sums[c] += sum_b x, squares[c] += sum_b (x - center[c])^2; center may be null (zero).
  void (*row_moments)(const T* x, const T* center, int C, int B, T* sums, T* squares);

  // n = max(0, (x - mean[c]) * inv[c] + offset[c]); offset may be null.
  void (*norm_relu_unit)(const T* x, const T* mean, const T* inv, const T* offset, int C, int B,
                         T* n);
  // With g = n_bar where n > 0: sum_g[c] += sum_b g, sum_gx[c] += sum_b g (x - mean) inv.
  void (*norm_relu_sums)(const T* x, const T* n_bar, const T* mean, const T* inv, const T* offset,
                         int C, int B, T* sum_g, T* sum_gx);
  // x_bar (+)= inv (g - mean_g[c] - (x - mean) inv mean_gx[c])
  void (*norm_relu_vjp)(const T* x, const T* n_bar, const T* mean, const T* inv, const T* offset,
                        const T* mean_g, const T* mean_gx, int C, int B, bool accumulate, T* x_bar);

  // out[c*ld + b] (+)= max(0, (y[c*B + b] - mean[c]) * inv[c] + offset[c])
  void (*normed_rows)(const T* y, const T* mean, const T* inv, const T* offset, int C, int B,
                      bool accumulate, T* out, std::ptrdiff_t ld);

  // One unit, of n = max(0, (x - mean[c]) inv[c]): unit_mean[c] and unit_deviation[c] =
  // sqrt(variance + eps) of n over b; sums[c,b] += n, squares[c,b] += n^2.
  void (*norm_relu_moments)(const T* x, const T* mean, const T* inv, int C, int B, T eps,
                            T* unit_mean, T* unit_deviation, T* sums, T* squares);
  // With n as above and g = n_bar where n > 0, else 0: sum_g[c] += sum_b g, sum_gn[c] += sum_b g n.
  // Unless unit_start is null, (unit_start[c] + example_start[c,b]) + (unit_slope[c] +
  // example_slope[c,b]) n is added to n_bar first, and g takes the place of n_bar.
  void (*norm_relu_open)(const T* x, const T* mean, const T* inv, const T* unit_start,
                         const T* unit_slope, const T* example_start, const T* example_slope, int C,
                         int B, T* n_bar, T* sum_g, T* sum_gn);
  // With g as above: x_bar = inv (g - mean_g[c] - (x - mean) inv mean_gx[c]);
  // sums[c] += sum_b x_bar; example_bar[c,b] += x_bar unless it is null.
  void (*norm_vjp)(const T* x, const T* n_bar, const T* mean, const T* inv, const T* mean_g,
                   const T* mean_gx, int C, int B, T* x_bar, T* sums, T* example_bar);

  // y[i] = f(x[i]) for i < n; slope[i] = f'(x[i]) unless slope is null.
  void (*map)(Unary function, const T* x, std::ptrdiff_t n, T* y, T* slope);

  // inv[b] = 1 / sqrt(mean_c x[c,b]^2 + eps), y = x inv. One unit.
  void (*rms_channels_unit)(const T* x, int C, int B, T eps, T* y, T* inv);
  // x_bar (+)= inv (y_bar - y mean_c(y_bar y))
  void (*rms_channels_vjp)(const T* y, const T* y_bar, const T* inv, int C, int B, bool accumulate,
                           T* x_bar);
  // y[c,b] = x[c,b] gate[b] + z[c,b]
  void (*gate_add_unit)(const T* x, const T* gate, const T* z, int C, int B, T* y);
  // x_bar (+)= y_bar gate;  gate_bar[b] (+)= sum_c y_bar x
  void (*gate_add_vjp)(const T* x, const T* gate, const T* y_bar, int C, int B, bool accumulate_x,
                       T* x_bar, bool accumulate_gate, T* gate_bar);

  // C [m,n] (+)= alpha op(A) op(B), row-major, for operands that fit the second-level cache.
  // packed: k * (n rounded up to kPackMultiple) elements of scratch.
  void (*gemm_small)(bool transpose_a, bool transpose_b, int m, int n, int k, T alpha, const T* a,
                     std::ptrdiff_t lda, const T* b, std::ptrdiff_t ldb, bool accumulate, T* c,
                     std::ptrdiff_t ldc, T* packed);

  // Matrices [rows, cols], reduced over rows: sums[j] = sum_i x[i,j] z[i,j]. Rows of x and z are ld
  // apart.
  void (*column_dots)(const T* x, const T* z, int rows, int cols, std::ptrdiff_t ld, T* sums);
  // y[i,j] = x[i,j] inv[j]
  void (*scale_columns)(const T* x, const T* inv, int rows, int cols, T* y);
  // x_bar (+)= inv[j] (y_bar - y mean[j])
  void (*scale_columns_vjp)(const T* y, const T* y_bar, const T* inv, const T* mean, int rows,
                            int cols, bool accumulate, T* x_bar);
  // y[i,j] = sum_k scales[k,j] terms[k][i,j] over `count` matrices.
  void (*mix_columns)(const T* const* terms, const T* scales, int count, int rows, int cols, T* y);
  // term_bar (+)= scale[j] y_bar - slope[j] term
  void (*mix_columns_vjp)(const T* y_bar, const T* term, const T* scale, const T* slope, int rows,
                          int cols, bool accumulate, T* term_bar);
  // out (+)= scale (M + M^T) off the diagonal, 0 on it; M and out [U,U], apart.
  void (*symmetric_sum)(const T* m, int U, T scale, bool accumulate, T* out);

  // Plain vectors of n elements.
  void (*add_to)(const T* x, std::ptrdiff_t n, bool accumulate, T* y);         // y (+)= x
  void (*axpy)(T alpha, const T* x, std::ptrdiff_t n, bool accumulate, T* y);  // y (+)= a x
  // y = alpha x + beta z, with the rounding of axpy twice.
  void (*combine)(T alpha, const T* x, T beta, const T* z, std::ptrdiff_t n, T* y);
  void (*multiply)(const T* x, const T* z, std::ptrdiff_t n, bool accumulate, T* y);  // y (+)= x z
  void (*multiply_sign)(const T* x, const T* w, std::ptrdiff_t n, bool accumulate,
                        T* y);  // y (+)= x sign(w)
  T (*dot)(const T* x, const T* z, std::ptrdiff_t n);
};

// The table for this processor; T is float or double.
template <class T>
const Kernels<T>& kernels();

// "avx512", "avx2" or "portable": the table in use. Throws Error when METAPLASTIC_SIMD names one
// that is unknown or that this processor lacks.
std::string_view simd_name();

}  // namespace metaplastic
