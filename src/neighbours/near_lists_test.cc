// The search in lists: how much of a full search it finds, and that threads change nothing.
#include "neighbours/near_lists.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "neighbours/test_pool.h"

namespace metaplastic {
namespace {

// [k,N] in many overlapping clusters on top of a few common causes, as features of real data lie.
std::vector<float> clustered(std::size_t k, std::size_t N) {
  constexpr std::size_t kClusters = 60, kCauses = 6;
  Random random = test_random(40);
  std::vector<float> centres(kClusters * k), loadings(kCauses * k), x(k * N);
  for (float& value : centres) value = random.normal();
  for (float& value : loadings) value = random.normal();
  for (std::size_t n = 0; n < N; ++n) {
    float causes[kCauses];
    for (float& cause : causes) cause = random.normal();
    for (std::size_t row = 0; row < k; ++row) {
      float value = centres[n % kClusters * k + row] + 0.3f * random.normal();
      for (std::size_t c = 0; c < kCauses; ++c) value += causes[c] * loadings[c * k + row];
      x[row * N + n] = value;
    }
  }
  return x;
}

double recall(std::span<const std::size_t> found, std::span<const std::size_t> expected) {
  double common = 0;
  for (std::size_t i = 0; i < expected.size(); i += kChoices)
    for (std::size_t c = 0; c < kChoices; ++c)
      common +=
          static_cast<double>(std::ranges::count(found.subspan(i, kChoices), expected[i + c]));
  return common / static_cast<double>(expected.size());
}

TEST(NearLists, FindNearlyAllThatAFullSearchFinds) {
  constexpr std::size_t k = 24, P = 30000, kNumQueries = 700;
  const std::vector<float> x = clustered(k, P + kNumQueries);
  std::vector<float> pool, batch;
  for (std::size_t row = 0; row < k; ++row) {
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(row * (P + kNumQueries));
    pool.insert(pool.end(), first, first + P);
    batch.insert(batch.end(), first + P, first + P + kNumQueries);
  }
  const LocatedExamples all(pool, k, pool), from(batch, k, batch);
  ThreadPool threads(3);
  const NearLists lists(all, nullptr), shared(all, &threads);
  EXPECT_EQ(lists.count(), 346u);
  const std::vector<std::size_t> found = lists.nearest(from, nullptr);
  const double share = recall(found, nearest_others(from, all));
  EXPECT_GE(share, 0.95);
  RecordProperty("recall", std::to_string(share));
  EXPECT_EQ(shared.nearest(from, &threads), found);
}

// Equal examples are no neighbours of one another here either, and few of them are repeated.
TEST(NearLists, LeaveOutEqualExamples) {
  const std::vector<float> x = {0, 0, 0, 1, 5, 5};  // six examples of one number
  const LocatedExamples all(x, 1, x);
  const std::vector<std::size_t> found = NearLists(all, nullptr).nearest(all, nullptr);
  ASSERT_EQ(found.size(), 6 * kChoices);
  EXPECT_EQ(found[0], 3u);
  for (const std::size_t p : std::span(found).first(3 * kChoices)) EXPECT_GE(p, 3u);
  const std::vector<float> same(7, 2.0f);
  const LocatedExamples none(same, 1, same);
  EXPECT_EQ(NearLists(none, nullptr).nearest(none, nullptr),
            std::vector<std::size_t>(7 * kChoices, 7));
}

TEST(NearLists, ServeALargePool) {
  constexpr std::size_t kInputs = 6, P = std::size_t{kNeighbourhood.exact_pool} + 1;
  const std::vector<float> x = clustered(kInputs, P);
  const NeighbourPool pool = pool_of(x, kInputs);
  EXPECT_TRUE(pool.searches_columns_alone());
  std::vector<float> batch;
  for (std::size_t row = 0; row < kInputs; ++row)
    batch.insert(batch.end(), x.begin() + static_cast<std::ptrdiff_t>(row * P),
                 x.begin() + static_cast<std::ptrdiff_t>(row * P + 100));
  const LocatedExamples all(x, kInputs, x), from(batch, kInputs, batch);
  EXPECT_GE(recall(pool.nearest(batch), nearest_others(from, all)), 0.95);
}

}  // namespace
}  // namespace metaplastic
