// What is sparse, and what a rule that walks among neighbours does there.
#include "neighbours/sparse_inputs.h"

#include <gtest/gtest.h>

#include "neighbours/constants.h"
#include "neighbours/test_pool.h"

namespace metaplastic {
namespace {

TEST(SparseInputs, AreAtRestForNearlyAllExamples) {
  std::vector<float> x = ones_and_zeros(40, 2000, 0.02f);
  EXPECT_TRUE(are_sparse(x, 40));
  EXPECT_FALSE(are_sparse(ones_and_zeros(40, 2000, 0.1f), 40));
  for (float& value : x) value = 7 + 3 * value;
  EXPECT_TRUE(are_sparse(x, 40));
  for (float& value : x) value = -value;
  EXPECT_FALSE(are_sparse(x, 40));
}

TEST(SparseInputs, AreToldByThoseThatVary) {
  std::vector<float> x = ones_and_zeros(2, 2000, 0.1f);
  EXPECT_FALSE(are_sparse(x, 2));
  x.insert(x.end(), 30 * 2000, 0.3f);
  EXPECT_FALSE(are_sparse(x, 32));
  EXPECT_FALSE(are_sparse(std::vector<float>(12, 0.3f), 3));  // none varies
}

constexpr std::size_t kWords = 600, kTopics = 6, kDocuments = 900;

// Word counts of documents over length, [kWords,N]: document n has 40 words that are common to all
// and 10 of the hundred rare ones of its kind, n % kTopics.
std::vector<float> documents(std::size_t N) {
  std::vector<float> x(kWords * N);
  Random random = test_random(21);
  constexpr std::uint32_t kRare = kWords / kTopics, kCommon = 20;
  for (std::size_t n = 0; n < N; ++n) {
    const auto kind = static_cast<std::uint32_t>(n % kTopics);
    for (int w = 0; w < 50; ++w) {
      const std::uint32_t word =
          w < 40 ? random.below(kCommon) * (kWords / kCommon) : kind * kRare + random.below(kRare);
      x[word * N + n] += 0.02f;
    }
  }
  return x;
}

TEST(SparseInputs, AreComparedByRareOnesMoreThanByCommonOnes) {
  const std::vector<float> x = documents(kDocuments);
  const NeighbourMetric metric(x, kWords);
  ASSERT_TRUE(metric.by_shape() && metric.of_sparse_inputs());
  EXPECT_GT(share_of_own_kind(x, kWords, metric.coordinates(x), kTopics), 0.9);
  EXPECT_LT(share_of_own_kind(x, kWords, x, kTopics), 0.5);  // by distance
}

TEST(SparseInputs, HaveWalksOfOneHopMoreNoiseAndUnitsThatAreNearlyLinear) {
  const std::vector<float> sparse = documents(kDocuments), dense = ones_and_zeros(40, 300, 0.3f);
  const NeighbourPool of_sparse = pool_of(sparse, kWords), of_dense = pool_of(dense, 40);
  EXPECT_EQ(of_sparse.mean_hops(), 1);
  EXPECT_EQ(of_sparse.settings().noise, kNeighbourhood.sparse_noise);
  EXPECT_EQ(of_sparse.settings().share, kNeighbourhood.sparse_homeostatic_share);
  EXPECT_EQ(of_dense.mean_hops(), kNeighbourhood.hops);
  EXPECT_EQ(of_dense.settings().noise, kNeighbourhood.noise);
  EXPECT_EQ(of_dense.settings().share, kNeighbourhood.homeostatic_share);
  EXPECT_EQ(NeighbourPool().settings().share, kNeighbourhood.homeostatic_share);
}

}  // namespace
}  // namespace metaplastic
