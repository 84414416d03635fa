// Helpers of the kernel tests: exact sums with their error bounds, guarded misaligned buffers,
// and the odd shapes that every kernel is swept over.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "tensor/kernels.h"

namespace metaplastic {

// A value of the twin: the sum of its terms, far more exact than T, and of their magnitudes.
struct Exact {
  long double value = 0, scale = 0;
  void add(long double term, long double magnitude) { value += term, scale += magnitude; }
  void add(long double term) { add(term, std::abs(term)); }
};

// Whether `got` is `exact` up to the rounding of `num_roundings` operations in T.
//
// Each operation errs by at most u = eps/2 times the magnitude it works on, which is at most the
// sum S of the magnitudes of all terms, so the error is at most n u S, in whatever order the sum
// is taken (Higham, Accuracy and Stability, 4.2). The errors have mixed signs: as a random walk
// they come to sqrt(n) u S, and 4 sqrt(n) u S is four standard deviations of the worst one. One
// more u S covers second-order terms; results below the normal range err by one quantum each.
template <class T>
bool close(T got, const Exact& exact, int num_roundings) {
  const double n = num_roundings;
  const long double u = static_cast<long double>(std::numeric_limits<T>::epsilon()) / 2;
  const long double bound = u * exact.scale * (std::min(n, 4 * std::sqrt(n)) + 1) +
                            static_cast<long double>(n) * std::numeric_limits<T>::denorm_min();
  return std::abs(static_cast<long double>(got) - exact.value) <= bound;
}

// `count` elements that start `shift` elements after a 64-byte boundary, between guards of NaN:
// a kernel that reads past its input spoils its result, one that writes there is caught.
template <class T>
class Buffer {
 public:
  Buffer(std::ptrdiff_t count, int shift)
      : count_(count), storage_(static_cast<std::size_t>(count + shift + 3 * kGuard), guard()) {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    const auto to_boundary = static_cast<std::ptrdiff_t>((64 - address % 64) % 64 / sizeof(T));
    start_ = to_boundary + kGuard + shift;
  }
  T* data() { return storage_.data() + start_; }
  const T* data() const { return storage_.data() + start_; }
  std::ptrdiff_t size() const { return count_; }
  T& operator[](std::ptrdiff_t i) { return data()[i]; }
  T operator[](std::ptrdiff_t i) const { return data()[i]; }
  Buffer& fill(Random& random, float low = -1, float high = 1) {
    for (std::ptrdiff_t i = 0; i < count_; ++i) (*this)[i] = T(random.uniform(low, high));
    return *this;
  }
  bool guards_intact() const {
    for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(storage_.size()); ++i) {
      const bool inside = i >= start_ && i < start_ + count_;
      if (!inside && !std::isnan(storage_[static_cast<std::size_t>(i)])) return false;
    }
    return true;
  }

 private:
  static constexpr std::ptrdiff_t kGuard = 128 / sizeof(T);
  static T guard() { return std::numeric_limits<T>::quiet_NaN(); }
  std::ptrdiff_t count_, start_ = 0;
  std::vector<T> storage_;
};

// Elements of T in one vector of the instruction set in use.
template <class T>
int num_lanes() {
  const int bytes = simd_name() == "avx512" ? 64 : simd_name() == "avx2" ? 32 : 16;
  return bytes / static_cast<int>(sizeof(T));
}

// Every tail length, both sides of one and two vectors, and the widths that the trainer uses.
template <class T>
std::vector<int> example_counts() {
  std::vector<int> counts;
  for (int B = 1; B <= 2 * num_lanes<T>() + 1; ++B) counts.push_back(B);
  for (const int B : {64, 100, 128})
    if (B > counts.back()) counts.push_back(B);
  return counts;
}

inline std::vector<int> channel_counts() { return {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 69}; }

// Whether the processor has what METAPLASTIC_SIMD asks for, by the compiler's own account.
inline bool processor_has_forced_simd() {
  const char* forced = std::getenv("METAPLASTIC_SIMD");
  const std::string_view name = forced != nullptr ? forced : "";
  if (name == "avx512") {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  }
  if (name == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return true;
}

template <class T>
class KernelsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!processor_has_forced_simd()) GTEST_SKIP() << "this processor lacks the forced SIMD";
  }
  static int shift_from(Random& random) { return static_cast<int>(random.below(2)); }
  Random random_{1, Purpose::kTest};
};

// Calls check(C, B) for all shapes, until one fails.
template <class T, class F>
void for_shapes(F check) {
  for (const int B : example_counts<T>())
    for (const int C : channel_counts()) {
      SCOPED_TRACE(testing::Message() << "C " << C << " B " << B);
      check(C, B);
      if (testing::Test::HasFatalFailure()) return;
    }
}

using KernelTypes = testing::Types<float, double>;

}  // namespace metaplastic
