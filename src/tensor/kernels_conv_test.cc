// The kernel that computes normed values on the way into a product, against its naive twin.
#include "tensor/kernels_check.h"

namespace metaplastic {
namespace {

template <class T>
class ConvKernels : public KernelsTest<T> {};
TYPED_TEST_SUITE(ConvKernels, KernelTypes);

TYPED_TEST(ConvKernels, NormedRowsKeepTheGapsBetweenRows) {
  using T = TypeParam;
  for (const int B : example_counts<T>()) {
    for (const int C : {1, 3, 8}) {
      SCOPED_TRACE(testing::Message() << "C " << C << " B " << B);
      const bool accumulate = this->random_.below(2) != 0;
      const int shift = this->shift_from(this->random_), gap = 3;
      const std::ptrdiff_t ld = B + gap;
      Buffer<T> y(std::ptrdiff_t{C} * B, shift), mean(C, shift), inv(C, shift), offset(C, shift);
      Buffer<T> out(C * ld, shift);
      y.fill(this->random_, -2, 2), mean.fill(this->random_), offset.fill(this->random_);
      inv.fill(this->random_, 0.5f, 2), out.fill(this->random_);
      const Buffer<T> before = out;
      kernels<T>().normed_rows(y.data(), mean.data(), inv.data(), offset.data(), C, B, accumulate,
                               out.data(), ld);
      for (std::ptrdiff_t i = 0; i < C * ld; ++i) {
        const std::ptrdiff_t c = i / ld, b = i % ld;
        if (b >= B) {
          ASSERT_EQ(out[i], before[i]) << "the gap after row " << c;
          continue;
        }
        const auto wide = [](T value) { return static_cast<long double>(value); };
        const long double hat = (wide(y[c * B + b]) - wide(mean[c])) * wide(inv[c]);
        const long double magnitude =
            (std::abs(wide(y[c * B + b])) + std::abs(wide(mean[c]))) * wide(inv[c]);
        // Three roundings: difference, product, sum; the ReLU moves no two values apart.
        Exact exact;
        exact.add(std::max(0.0L, hat + wide(offset[c])), magnitude + std::abs(wide(offset[c])));
        if (accumulate) exact.add(before[i]);
        ASSERT_TRUE(close(out[i], exact, 4)) << c << " " << b;
      }
      ASSERT_TRUE(out.guards_intact());
    }
  }
}

}  // namespace
}  // namespace metaplastic
