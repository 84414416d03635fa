// Traits of data sets whose properties are known.
#include "neighbours/traits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"

namespace metaplastic {
namespace {

double trait(const Traits& traits, std::string_view name) {
  const auto names = trait_names();
  return traits[static_cast<std::size_t>(std::ranges::find(names, name) - names.begin())];
}

Traits traits_of(const std::vector<float>& examples, int num_inputs) {
  const NeighbourPool pool(examples, num_inputs, {examples, num_inputs});
  return measure_traits(pool, static_cast<std::int64_t>(examples.size()) / num_inputs);
}

// [U,N] standard normal.
std::vector<float> normals(std::size_t U, std::size_t N) {
  Random random(1, Purpose::kTest, 0, 77);
  std::vector<float> x(U * N);
  for (float& value : x) value = random.normal();
  return x;
}

TEST(Traits, OfIndependentNormals) {
  constexpr std::size_t U = 10, N = 700;
  const Traits traits = traits_of(normals(U, N), U);
  EXPECT_NEAR(trait(traits, "rows"), std::log10(700.0), 1e-9);
  EXPECT_NEAR(trait(traits, "inputs"), 1, 1e-9);
  EXPECT_NEAR(trait(traits, "sparsity"), 0.5, 0.02);
  EXPECT_NEAR(trait(traits, "negative"), 0.5, 0.03);
  EXPECT_EQ(trait(traits, "zero"), 0);
  EXPECT_NEAR(trait(traits, "kurtosis"), std::log10(3.0), 0.05);
  EXPECT_NEAR(trait(traits, "rank"), 1, 0.03);
  EXPECT_NEAR(trait(traits, "redundancy"), 0, 0.03);
  EXPECT_LT(trait(traits, "contrast"), 0);
}

TEST(Traits, OfClustersRememberMoreAndLieCloser) {
  constexpr std::size_t U = 10, N = 600;
  std::vector<float> clustered = normals(U, N);
  for (std::size_t u = 0; u < U; ++u)
    for (std::size_t n = 0; n < N; ++n) clustered[u * N + n] += n % 6 == u % 6 ? 8.0f : 0.0f;
  const Traits flat = traits_of(normals(U, N), U), of_clusters = traits_of(clustered, U);
  EXPECT_GT(trait(of_clusters, "memory"), trait(flat, "memory"));
  EXPECT_LT(trait(of_clusters, "contrast"), trait(flat, "contrast"));
}

TEST(Traits, DoNotDependOnUnitsOfMeasurement) {
  constexpr std::size_t U = 6, N = 200;
  const std::vector<float> x = normals(U, N);
  std::vector<float> scaled = x;
  for (float& value : scaled) value *= 4;  // exact
  const Traits one = traits_of(x, U), other = traits_of(scaled, U);
  for (std::size_t t = 0; t < kNumTraits; ++t)
    EXPECT_NEAR(one[t], other[t], 1e-4) << trait_names()[t];
}

TEST(Traits, AreFiniteForDegenerateData) {
  std::vector<float> some(5 * 30, 0.0f);
  for (std::size_t n = 0; n < 30; ++n) some[n] = n % 2 ? 1.0f : 0.0f;
  for (const std::vector<float>& x : {std::vector<float>(5 * 30, 0.25f), some}) {
    for (const double value : traits_of(x, 5)) EXPECT_TRUE(std::isfinite(value));
  }
  EXPECT_EQ(trait(traits_of(some, 5), "two_valued"), 1);
}

// By either Gram matrix: more inputs than examples, and the other way round.
TEST(Traits, CountComponents) {
  for (const auto& [U, N] : {std::pair<std::size_t, std::size_t>{40, 20}, {20, 40}}) {
    Random random(1, Purpose::kTest, 0, 78);
    std::vector<float> factor(N), x(U * N);
    for (float& value : factor) value = random.normal();
    for (std::size_t u = 0; u < U; ++u)
      for (std::size_t n = 0; n < N; ++n) x[u * N + n] = float(u + 1) * factor[n];
    EXPECT_NEAR(trait(traits_of(x, static_cast<int>(U)), "rank"), 0, 1e-3);
    EXPECT_NEAR(trait(traits_of(x, static_cast<int>(U)), "redundancy"), -std::log10(double(U)),
                1e-3);
  }
}

}  // namespace
}  // namespace metaplastic
