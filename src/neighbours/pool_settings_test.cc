// Pools of other settings than the usual ones: length of walks, whitening of the metric.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "neighbours/test_pool.h"

namespace metaplastic {
namespace {

TEST(NeighbourPool, HasLongerWalksInALargerPool) {
  EXPECT_EQ(pool_of(normals(kU * kP, 10), kU).mean_hops(), 1);
  const std::vector<float> few = images(kU, kP, 10);
  EXPECT_EQ(pool_of(few, kU).mean_hops(), kNeighbourhood.hops);
  const std::vector<float> many = images(kU, std::size_t(kNeighbourhood.hops_pool) * 3 / 2, 10);
  const NeighbourMetric metric(few, kU);
  EXPECT_EQ(NeighbourPool(many, kU, metric).mean_hops(), 1.5 * kNeighbourhood.hops);
}

// A pool whose settings say so searches by that metric; where near is a matter of distance, by
// none other.
TEST(NeighbourPool, TakesTheWhiteningOfItsSettings) {
  const std::vector<float> x = images(kU, kP, 10);
  const NeighbourMetric chosen(x, kU);
  EXPECT_EQ(chosen.with_whitening(chosen.whitening()).coordinates(x), chosen.coordinates(x));
  std::set<std::vector<std::size_t>> found;
  for (const double whitening : {0.0, 0.4, 0.8}) {
    const NeighbourPool later = NeighbourPool(x, kU, chosen, nullptr, false)
                                    .with_settings({.hops = 3, .whitening = whitening});
    const NeighbourPool expected(x, kU, chosen.with_whitening(whitening));
    EXPECT_EQ(later.metric().whitening(), whitening);
    EXPECT_EQ(later.nearest(x), expected.nearest(x));
    const auto near = later.nearest_of_example(7);
    EXPECT_TRUE(std::ranges::equal(near, expected.nearest_of_example(7)));
    EXPECT_TRUE(std::ranges::equal(later.row(7), expected.row(7)));
    found.insert(later.nearest(x));
  }
  EXPECT_EQ(found.size(), 3u);
  const std::vector<float> table = normals(kU * kP, 10);
  const NeighbourPool by_distance = pool_of(table, kU);
  EXPECT_EQ(by_distance.with_settings({.whitening = 0.5}).nearest(table),
            by_distance.nearest(table));
}

}  // namespace
}  // namespace metaplastic
