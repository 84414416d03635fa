// Linear kernels and plain vectors against naive twins, over odd shapes; see kernels_check.h for
// the bound on the error. The other kernels: kernels_norm_test.cc, kernels_fused_test.cc and
// kernels_map_test.cc.
#include <tuple>

#include "tensor/kernels_check.h"

namespace metaplastic {
namespace {

template <class T>
class LinearKernels : public KernelsTest<T> {};
TYPED_TEST_SUITE(LinearKernels, KernelTypes);
template <class T>
class VectorKernels : public KernelsTest<T> {};
TYPED_TEST_SUITE(VectorKernels, KernelTypes);

// y[co,b] of linear_unit, one output.
template <class T>
Exact linear_twin(const T* const* rows, int K, const T* a, std::ptrdiff_t lda, int co, int b) {
  Exact sum;
  for (int k = 0; k < K; ++k)
    sum.add(static_cast<long double>(a[k * lda + co]) * static_cast<long double>(rows[k][b]));
  return sum;
}

// a_bar[k,co] of linear_weight_vjp, one output.
template <class T>
Exact weight_twin(const T* const* x_rows, const T* const* y_bar, int num_units, int K, int B, int k,
                  int co) {
  Exact sum;
  for (int u = 0; u < num_units; ++u)
    for (int b = 0; b < B; ++b)
      sum.add(static_cast<long double>(x_rows[u * K + k][b]) *
              static_cast<long double>(y_bar[u][co * B + b]));
  return sum;
}

// K rows of B examples that lie apart, each misaligned or not by chance.
template <class T>
struct Rows {
  std::vector<Buffer<T>> buffers;
  std::vector<const T*> pointers;
  Rows(int num_rows, int count, Random& random) {
    for (int k = 0; k < num_rows; ++k)
      buffers.emplace_back(count, static_cast<int>(random.below(2))).fill(random);
    for (const Buffer<T>& row : buffers) pointers.push_back(row.data());
  }
};

template <class T>
void check_linear_unit(Random& random, int K, int Co, int B) {
  const int shift = static_cast<int>(random.below(2)), gap = static_cast<int>(random.below(4));
  const bool accumulate = random.below(2) != 0, has_unit = random.below(2) != 0,
             has_example = random.below(2) != 0;
  const std::ptrdiff_t lda = Co + gap, size = std::ptrdiff_t{Co} * B;
  const Rows<T> rows(K, B, random);
  Buffer<T> a(K * lda, shift), unit(Co, shift), example(size, shift), y(size, shift);
  a.fill(random), unit.fill(random), example.fill(random), y.fill(random);
  if (!accumulate) std::fill_n(y.data(), size, std::numeric_limits<T>::quiet_NaN());
  const Buffer<T> before = y;
  kernels<T>().linear_unit(rows.pointers.data(), K, a.data(), lda, Co, B,
                           has_unit ? unit.data() : nullptr, has_example ? example.data() : nullptr,
                           accumulate, y.data());
  for (int co = 0; co < Co; ++co)
    for (int b = 0; b < B; ++b) {
      const int at = co * B + b;
      Exact exact = linear_twin(rows.pointers.data(), K, a.data(), lda, co, b);
      if (has_unit) exact.add(unit[co]);
      if (has_example) exact.add(example[at]);
      if (accumulate) exact.add(before[at]);
      ASSERT_TRUE(close(y[at], exact, 2 * K + 3))
          << "K " << K << " Co " << Co << " B " << B << " at " << co << "," << b << " found "
          << y[at] << " expected " << exact.value << (has_unit ? " unit" : "")
          << (has_example ? " example" : "") << (accumulate ? " accumulate" : "");
    }
  ASSERT_TRUE(y.guards_intact()) << "K " << K << " Co " << Co << " B " << B;
}

TYPED_TEST(LinearKernels, UnitEqualsTwin) {
  for (const int B : example_counts<TypeParam>())
    for (const int K : channel_counts())
      for (const int Co : channel_counts()) {
        check_linear_unit<TypeParam>(this->random_, K, Co, B);
        if (this->HasFatalFailure()) return;
      }
}

// All eight combinations of offsets and accumulation where tiles of all sizes meet a tail of B.
TYPED_TEST(LinearKernels, UnitWithAllOffsets) {
  for (int repetition = 0; repetition < 100; ++repetition) {
    check_linear_unit<TypeParam>(this->random_, 5, 13, 5 * num_lanes<TypeParam>() + 3);
    if (this->HasFatalFailure()) return;
  }
}

template <class T>
void check_weight_vjp(Random& random, int num_units, int K, int Co, int B) {
  const int shift = static_cast<int>(random.below(2));
  const std::ptrdiff_t lda = Co + static_cast<int>(random.below(4));
  const Rows<T> x(num_units * K, B, random), y_bar(num_units, Co * B, random);
  Buffer<T> a_bar(K * lda, shift);
  a_bar.fill(random);
  const Buffer<T> before = a_bar;
  kernels<T>().linear_weight_vjp(x.pointers.data(), y_bar.pointers.data(), num_units, K, Co, B,
                                 a_bar.data(), lda);
  for (int k = 0; k < K; ++k)
    for (int co = 0; co < lda; ++co) {
      const std::ptrdiff_t at = k * lda + co;
      if (co >= Co) {
        ASSERT_EQ(a_bar[at], before[at]) << "columns beyond Co stay";
        continue;
      }
      Exact exact = weight_twin(x.pointers.data(), y_bar.pointers.data(), num_units, K, B, k, co);
      exact.add(before[at]);
      ASSERT_TRUE(close(a_bar[at], exact, 2 * num_units * B + 1))
          << "units " << num_units << " K " << K << " Co " << Co << " B " << B << " at " << k << ","
          << co << " found " << a_bar[at] << " expected " << exact.value;
    }
  ASSERT_TRUE(a_bar.guards_intact());
}

TYPED_TEST(LinearKernels, WeightVjpEqualsTwin) {
  for (const int B : example_counts<TypeParam>())
    for (const int K : channel_counts())
      for (const int Co : channel_counts()) {
        check_weight_vjp<TypeParam>(this->random_, 1 + static_cast<int>(this->random_.below(3)), K,
                                    Co, B);
        if (this->HasFatalFailure()) return;
      }
  check_weight_vjp<TypeParam>(this->random_, 8, 16, 69, 64);
}

// Element-wise vectors: each output is one or two roundings of a few terms.
TYPED_TEST(VectorKernels, EqualTwins) {
  using T = TypeParam;
  const Kernels<T>& kernel = kernels<T>();
  std::vector<int> counts = example_counts<T>();
  counts.insert(counts.end(), {0, 1000});
  for (const int n : counts)
    for (const bool accumulate : {false, true})
      for (const int shift : {0, 1}) {
        Buffer<T> x(n, shift), z(n, 1 - shift), old(n, shift);
        x.fill(this->random_), z.fill(this->random_), old.fill(this->random_);
        if (!accumulate) std::fill_n(old.data(), n, std::numeric_limits<T>::quiet_NaN());
        Buffer<T> sum = old, scaled = old, product = old, both = old;
        const T alpha = T(this->random_.uniform(-2, 2));
        kernel.add_to(x.data(), n, accumulate, sum.data());
        kernel.axpy(alpha, x.data(), n, accumulate, scaled.data());
        kernel.multiply(x.data(), z.data(), n, accumulate, product.data());
        kernel.combine(alpha, x.data(), T(0.3), z.data(), n, both.data());
        for (int i = 0; i < n; ++i) {
          const long double xi = x[i], zi = z[i];
          Exact exact_sum, exact_scaled, exact_product, exact_both;
          exact_sum.add(xi), exact_scaled.add(alpha * xi), exact_product.add(xi * zi);
          if (accumulate)
            for (Exact* exact : {&exact_sum, &exact_scaled, &exact_product}) exact->add(old[i]);
          ASSERT_TRUE(close(sum[i], exact_sum, accumulate ? 1 : 0)) << "n " << n << " at " << i;
          ASSERT_TRUE(close(scaled[i], exact_scaled, 2)) << "n " << n << " at " << i;
          ASSERT_TRUE(close(product[i], exact_product, 2)) << "n " << n << " at " << i;
          // Two products and a sum; fused or not, as the optimisation level has it.
          exact_both.add(alpha * xi), exact_both.add(static_cast<long double>(T(0.3)) * zi);
          ASSERT_TRUE(close(both[i], exact_both, 3)) << "n " << n << " at " << i;
        }
        ASSERT_TRUE(sum.guards_intact() && scaled.guards_intact() && product.guards_intact() &&
                    both.guards_intact());
      }
}

TYPED_TEST(VectorKernels, DotEqualsTwin) {
  using T = TypeParam;
  std::vector<int> counts = example_counts<T>();
  counts.insert(counts.end(), {0, 1000});
  for (const int n : counts)
    for (const int shift : {0, 1}) {
      Buffer<T> x(n, shift), z(n, 1 - shift);
      x.fill(this->random_), z.fill(this->random_);
      Exact exact;
      for (int i = 0; i < n; ++i)
        exact.add(static_cast<long double>(x[i]) * static_cast<long double>(z[i]));
      ASSERT_TRUE(close(kernels<T>().dot(x.data(), z.data(), n), exact, 2 * n)) << n;
    }
}

}  // namespace
}  // namespace metaplastic
