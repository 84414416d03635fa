#include "apply/apply_cost.h"

#include <gtest/gtest.h>

#include "apply/encoder.h"
#include "apply/find_rule.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

Architecture network(std::vector<int> widths) {
  Architecture architecture;
  architecture.widths = std::move(widths);
  return architecture;
}

// The extrapolation from 1024 and 2048 units is what a step at full width needs: the estimate is
// the same when the wide layer is tried as it is.
TEST(ApplyCost, MemoryIsLinearInTheInputs) {
  for (const char* rule : {"hebb", "agree-neighbours"}) {
    const Rule found = find_rule(rule).rule;
    const auto bytes = [&](int inputs) {
      // Blocks of features have fewer rows where inputs are wide.
      const auto blocks = static_cast<double>(2 * encode_block_rows(inputs) * inputs);
      return estimate_apply_cost(found, network({inputs, 16, 8}), 40, 20, 1).bytes - 4 * blocks;
    };
    const double narrow = bytes(512), middle = bytes(1024), wide = bytes(8192);
    const double slope = (middle - narrow) / 512;
    // A step alone: at its own width it keeps a little more than the extrapolation says.
    EXPECT_NEAR(wide, middle + slope * (8192 - 1024), 0.2 * wide) << rule;
    EXPECT_GT(slope * 8192, 0.8 * wide) << rule;
  }
}

TEST(ApplyCost, TwoWideLayersMultiply) {
  const Rule rule = find_rule("hebb").rule;
  const auto bytes = [&](int lo, int up) {
    return estimate_apply_cost(rule, network({lo, up, 8}), 40, 4, 1).bytes;
  };
  const double both = bytes(4096, 4096);
  EXPECT_GT(both, 3 * bytes(4096, 1024));
  EXPECT_LT(both, 5 * bytes(4096, 1024));
}

TEST(ApplyCost, TimeGrowsWithTheSteps) {
  const Rule rule = find_rule("hebb").rule;
  const ApplyCost one = estimate_apply_cost(rule, network({64, 16, 8}), 40, 20, 1);
  const ApplyCost many = estimate_apply_cost(rule, network({64, 16, 8}), 40, 20, 100'000);
  EXPECT_GT(one.seconds, 0);
  EXPECT_GT(many.seconds, 1000 * one.seconds);
}

TEST(ApplyCost, WhatIsSaid) {
  const Architecture wide = network({100'000, 128, 64});
  constexpr double kGiB = 1 << 30;
  EXPECT_EQ(check_apply_cost({0.9 * kGiB, 250}, wide, 40, 100, 8 * kGiB), "");
  EXPECT_EQ(check_apply_cost({4.3 * kGiB, 100}, wide, 40, 100, 8 * kGiB),
            "apply: 100 inner steps of 100000 inputs, layers of 128,64 and batches of 40 rows will "
            "take about 4.3 GiB of memory and 2 minutes");
  EXPECT_EQ(check_apply_cost({100 * double{1 << 20}, 7200}, wide, 40, 100, 8 * kGiB),
            "apply: 100 inner steps of 100000 inputs, layers of 128,64 and batches of 40 rows will "
            "take about 100 MiB of memory and 2.0 hours");
  EXPECT_EQ(error_line([&] {
              check_apply_cost({43 * kGiB, 1}, wide, 40, 100, 16 * kGiB);
            }),
            "apply: expected to need at most the 16.0 GiB of memory that there are, found about "
            "43.0 GiB for 100000 inputs, layers of 128,64 and batches of 40 rows; use fewer "
            "columns, smaller images, a smaller inner batch or narrower layers");
  EXPECT_GT(memory_limit(), 1e8);
}

}  // namespace
}  // namespace metaplastic
