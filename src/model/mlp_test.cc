#include "model/mlp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace metaplastic {
namespace {

// A normal within two deviations has a deviation of 0.8796: the release's 0.01 is 0.0088.
TEST(PhiInit, TruncatedNormalsEndAtTwoDeviations) {
  Architecture architecture;
  architecture.widths = {100, 200};
  const LayerOffsets at = layer_offsets(architecture, 1);
  for (const bool truncated : {true, false}) {
    const std::vector<float> phi =
        make_phi<float>(architecture, {0.01, 0.1, truncated}, Random(1, Purpose::kPhiInit));
    const auto bias = phi.begin() + at.b;
    const auto largest = [](auto first, auto last) {
      return std::abs(*std::max_element(
          first, last, [](float a, float b) { return std::abs(a) < std::abs(b); }));
    };
    EXPECT_EQ(largest(phi.begin(), bias) <= 0.02f, truncated);
    EXPECT_EQ(largest(bias, phi.end()) <= 0.2f, truncated);
    double squares = 0;
    for (auto value = phi.begin(); value != bias; ++value) squares += double{*value} * *value;
    const double deviation = std::sqrt(squares / static_cast<double>(at.b));
    // 40,000 draws: a standard error of 0.4 %.
    EXPECT_NEAR(deviation, truncated ? 0.008796 : 0.01, 1.5e-4);
  }
}

}  // namespace
}  // namespace metaplastic
