// The functions of Unary and their slopes against long double, and the choice of instruction set.
#include <cstdio>

#include "tensor/kernels_check.h"

namespace metaplastic {
namespace {

using Real = long double;

template <class T>
class MapKernel : public KernelsTest<T> {};
TYPED_TEST_SUITE(MapKernel, KernelTypes);

constexpr int kNumFunctions = static_cast<int>(Unary::kRootGrowth) + 1;

struct Reference {
  Real value, slope;
};

// 1 / (1 + exp(-x)) without cancellation on either side.
Real sigmoid(Real x) {
  const Real e = std::exp(-std::abs(x));
  return (x > 0 ? Real{1} : e) / (1 + e);
}

template <class T>
Reference reference(Unary function, T input) {
  const Real x = input;
  switch (function) {
    case Unary::kIdentity:
      return {x, 1};
    case Unary::kRelu:
      return {std::max(x, Real{0}), x > 0 ? Real{1} : Real{0}};
    case Unary::kLeakyRelu: {
      const Real slope = x > 0 ? T(1) : T(0.01);
      return {x * slope, slope};
    }
    case Unary::kTanh:
      return {std::tanh(x), 1 / (std::cosh(x) * std::cosh(x))};
    case Unary::kElu:
      return {x > 0 ? x : std::expm1(x), x > 0 ? Real{1} : std::exp(x)};
    case Unary::kSigmoid:
      return {sigmoid(x), sigmoid(x) * sigmoid(-x)};
    case Unary::kSoftplus:
      return {std::max(x, Real{0}) + std::log1p(std::exp(-std::abs(x))), sigmoid(x)};
    case Unary::kSwish:
      return {x * sigmoid(x), sigmoid(x) * (1 + x * sigmoid(-x))};
    case Unary::kStep:
      return {x > 0 ? Real{1} : Real{0}, 0};
    case Unary::kSignedSquare:
      return {x * std::abs(x), 2 * std::abs(x)};
    case Unary::kGaussian:
      return {std::exp(-x * x), -2 * x * std::exp(-x * x)};
    case Unary::kRootGrowth: {
      const Real root = std::sqrt(1 + x * x);
      return {x * x / (1 + root), x / root};
    }
  }
  return {0, 0};
}

struct Bounds {
  Real value, slope;
};

// Bounds on the errors, in absolute terms. eps is the spacing at 1, so that k relative roundings
// of a result r cost at most k eps |r|. Highway states exp to 1 ULP, log1p to 2, expm1 and tanh
// to 4; u = eps/2 for the elementary operations.
template <class T>
Bounds bounds(Unary function, T input, const Reference& exact) {
  const Real eps = std::numeric_limits<T>::epsilon(), x = input, size = std::abs(x);
  const Real value = eps * std::abs(exact.value), slope = eps * std::abs(exact.slope);
  // What a result below the normal range, or a factor of it below that range, may lose.
  const Real tiny = 4 * (1 + std::min(size, Real{1000})) * std::numeric_limits<T>::denorm_min();
  switch (function) {
    case Unary::kIdentity:
    case Unary::kRelu:
    case Unary::kStep:
      return {0, 0};
    case Unary::kLeakyRelu:
      return {value / 2 + tiny, 0};
    case Unary::kSignedSquare:
      return {value / 2 + tiny, 0};
    case Unary::kTanh:  // slope 1 - y^2: twice the error of y, and a rounding at 1
      return {4 * value + tiny, 2 * 4 * eps + eps};
    case Unary::kElu:
      return {x > 0 ? 0 : 4 * value + tiny, x > 0 ? 0 : slope + tiny};
    case Unary::kSigmoid:  // exp in both places, a sum, a quotient; slope y (1 - y)
      return {3 * value + tiny, 4 * eps * std::abs(exact.value) + tiny};
    case Unary::kSoftplus:  // exp, log1p, a sum
      return {4 * value + tiny, 3 * slope + tiny};
    case Unary::kSwish: {
      // slope x g (1 - g) + g with an error of 3 eps g in g; 1 - g is exact where exp(-x) < eps.
      const Real gate = sigmoid(x), reach = x > 0 ? std::min(x, Real{40}) : -x;
      return {4 * value + tiny, eps * gate * (4 + 8 * reach) + tiny};
    }
    case Unary::kGaussian:  // a rounding of x^2 is a factor 1 + u x^2 of the result
      return {value * (2 + x * x / 2) + tiny, slope * (4 + x * x / 2) + tiny};
    case Unary::kRootGrowth:  // a root of a sum of a square, a sum, a product, a quotient
      return {4 * value + tiny, 2 * slope + tiny};
  }
  return {0, 0};
}

// A grid over the curved part, all magnitudes down to denormals, and the edges of the exponent.
template <class T>
std::vector<T> inputs() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> x = {T(0), -T(0)};
  for (int i = -4000; i <= 4000; ++i) x.push_back(T(i) * T(0.0030001));
  for (T size = T(1e4); size > T(0); size *= T(0.45)) x.insert(x.end(), {size, -size});
  for (const double size :
       {17.0,  20.0,  38.0,  87.0,  87.5,  88.0,  88.8,  100.0,  103.0, 104.0, 105.0,
        150.0, 700.0, 708.5, 709.0, 710.0, 745.0, 746.0, 9999.0, 1e9,   1e18})
    x.insert(x.end(), {T(size), T(-size)});
  for (const T size :
       {Limits::denorm_min(), T(3) * Limits::denorm_min(), Limits::min(), std::sqrt(Limits::min()),
        std::sqrt(Limits::max()), Limits::max() / 4, Limits::max() / 2, Limits::max()})
    x.insert(x.end(), {size, -size});
  return x;
}

// Equal within `bound`; a result beyond the range of T must be the infinity of its sign.
template <class T>
bool near(T got, Real exact, Real bound) {
  if (std::abs(exact) > static_cast<Real>(std::numeric_limits<T>::max())) {
    return std::isinf(got) && (got > 0) == (exact > 0);
  }
  return std::abs(static_cast<Real>(got) - exact) <= bound;
}

TYPED_TEST(MapKernel, ValuesAndSlopes) {
  using T = TypeParam;
  const std::vector<T> x = inputs<T>();
  const auto n = static_cast<std::ptrdiff_t>(x.size());
  std::vector<T> y(x.size()), slope(x.size());
  for (int f = 0; f < kNumFunctions; ++f) {
    const Unary function = static_cast<Unary>(f);
    kernels<T>().map(function, x.data(), n, y.data(), slope.data());
    int num_wrong = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Reference exact = reference(function, x[i]);
      const Bounds bound = bounds(function, x[i], exact);
      EXPECT_FALSE(std::isnan(y[i]) || std::isnan(slope[i])) << "function " << f << " at " << x[i];
      EXPECT_TRUE(near(y[i], exact.value, bound.value))
          << "function " << f << " at " << x[i] << ": found " << y[i] << ", expected "
          << exact.value << " within " << bound.value;
      EXPECT_TRUE(near(slope[i], exact.slope, bound.slope))
          << "slope of function " << f << " at " << x[i] << ": found " << slope[i] << ", expected "
          << exact.slope << " within " << bound.slope;
      num_wrong += this->HasFailure() ? 1 : 0;
      ASSERT_LT(num_wrong, 10);
    }
  }
}

// Any length, misaligned, with and without slopes: the same bits as one element at a time.
TYPED_TEST(MapKernel, LengthsAndAlignment) {
  using T = TypeParam;
  for (int f = 0; f < kNumFunctions; ++f)
    for (const int n : example_counts<T>())
      for (const bool with_slope : {false, true}) {
        const Unary function = static_cast<Unary>(f);
        const int shift = this->shift_from(this->random_);
        Buffer<T> x(n, shift), y(n, 1 - shift), slope(n, shift);
        x.fill(this->random_, -5, 5);
        kernels<T>().map(function, x.data(), n, y.data(), with_slope ? slope.data() : nullptr);
        for (int i = 0; i < n; ++i) {
          T value = 0, gradient = 0;
          kernels<T>().map(function, x.data() + i, 1, &value, &gradient);
          ASSERT_EQ(y[i], value) << "function " << f << " n " << n << " at " << i;
          ASSERT_TRUE(!with_slope || slope[i] == gradient) << "function " << f << " at " << i;
        }
        ASSERT_TRUE(y.guards_intact() && slope.guards_intact()) << "function " << f << " n " << n;
      }
}

TEST(Simd, ForcedTableIsInUse) {
  if (!processor_has_forced_simd()) GTEST_SKIP() << "this processor lacks the forced SIMD";
  const char* forced = std::getenv("METAPLASTIC_SIMD");
  if (forced != nullptr && *forced != '\0') {
    EXPECT_EQ(simd_name(), forced);
  } else {
    EXPECT_TRUE(simd_name() == "avx512" || simd_name() == "avx2" || simd_name() == "portable");
  }
  EXPECT_EQ(kernels<float>().name, simd_name());
  EXPECT_EQ(kernels<double>().name, simd_name());
}

// Asks a fresh process, where nothing has been chosen yet, what it makes of `value`.
[[noreturn]] void report_choice(const char* value) {
  setenv("METAPLASTIC_SIMD", value, 1);
  try {
    std::fprintf(stderr, "chosen:%s:\n", std::string(simd_name()).c_str());
  } catch (const Error& error) {
    std::fprintf(stderr, "refused:%s:\n", error.what());
  }
  std::exit(0);
}

TEST(SimdDeathTest, WrongValueIsRefusedInOneLine) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(report_choice("sse9"), testing::ExitedWithCode(0),
              "^refused:METAPLASTIC_SIMD: expected avx512, avx2 or portable, found 'sse9':\n$");
  EXPECT_EXIT(report_choice("AVX2"), testing::ExitedWithCode(0), "^refused:[^\n]*'AVX2':\n$");
}

TEST(SimdDeathTest, EveryValueTakesEffectOrIsRefused) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(report_choice("portable"), testing::ExitedWithCode(0), "^chosen:portable:\n$");
  EXPECT_EXIT(report_choice("avx2"), testing::ExitedWithCode(0),
              __builtin_cpu_supports("avx2") ? "^chosen:avx2:\n$" : "^refused:[^\n]*:\n$");
  EXPECT_EXIT(report_choice("avx512"), testing::ExitedWithCode(0),
              __builtin_cpu_supports("avx512bw") ? "^chosen:avx512:\n$" : "^refused:[^\n]*:\n$");
}

}  // namespace
}  // namespace metaplastic
