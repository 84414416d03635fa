// The read-out of meta-validation: the best layer, chosen on other draws.
#include "objective/best_readout.h"

#include <gtest/gtest.h>

namespace metaplastic {
namespace {

constexpr int kInputs = 4, kClasses = 3, kPerDraw = 12;

// [kInputs,kPerDraw]: points around one corner per class; input c is high for class c, the last one
// is noise.
std::vector<float> corners(float noise, std::uint32_t step) {
  Random random(3, Purpose::kTest, 0, step);
  std::vector<float> x;
  for (int u = 0; u < kInputs; ++u) {
    for (int n = 0; n < kPerDraw; ++n)
      x.push_back(static_cast<float>(u == n % kClasses) + noise * random.normal());
  }
  return x;
}

double accuracy_of(const Architecture& architecture, std::span<const std::vector<float>> states,
                   float noise, bool joint = false) {
  std::vector<int> labels(kPerDraw);
  for (int n = 0; n < kPerDraw; ++n) labels[static_cast<std::size_t>(n)] = n % kClasses;
  std::vector<Probe<float>> probes(4);
  std::uint32_t step = 0;
  for (Probe<float>& probe : probes) {
    probe.num_support = probe.num_query = kPerDraw;
    probe.support = corners(noise, step++);
    probe.query = corners(noise, step++);
    make_probe_targets<float>(kClasses, labels, {}, labels, {}, probe.targets);
  }
  Tape<float> tape;
  return best_readout_accuracy(architecture, states, probes, tape, joint);
}
double accuracy_of(const Architecture& architecture, const std::vector<float>& phi, float noise,
                   bool joint = false) {
  return accuracy_of(architecture, std::span(&phi, 1), noise, joint);
}

TEST(BestReadoutTest, IsThatOfTheLayerWhichTellsMost) {
  Architecture shallow, deep;
  shallow.widths = {kInputs, 16};
  deep.widths = {kInputs, 16, 5};
  const std::vector<float> phi = make_phi<float>(shallow, {}, Random(1, Purpose::kPhiInit));
  std::vector<float> blind = make_phi<float>(deep, {}, Random(2, Purpose::kPhiInit));
  std::ranges::copy(phi, blind.begin());
  // The second layer sees nothing of the first.
  std::fill(blind.begin() + layer_offsets(deep, 2).W, blind.begin() + layer_offsets(deep, 2).V,
            0.0f);
  const double one = accuracy_of(shallow, phi, 0.5f);
  EXPECT_GT(one, 0.5);
  EXPECT_LT(one, 1);
  EXPECT_EQ(accuracy_of(deep, blind, 0.5f), one);
}

TEST(BestReadoutTest, EndsAreAllRightAndChance) {
  Architecture architecture;
  architecture.widths = {kInputs, 16};
  std::vector<float> phi = make_phi<float>(architecture, {}, Random(1, Purpose::kPhiInit));
  EXPECT_EQ(accuracy_of(architecture, phi, 0.01f), 1);
  std::fill_n(phi.begin(), kInputs * 16, 0.0f);
  EXPECT_NEAR(accuracy_of(architecture, phi, 0.01f), 1.0 / kClasses, 1e-12);
}

TEST(BestReadoutTest, OfSeveralStatesIsThatOfTheOneWhichTellsMost) {
  Architecture architecture;
  architecture.widths = {kInputs, 16};
  const std::vector<float> phi = make_phi<float>(architecture, {}, Random(1, Purpose::kPhiInit));
  const std::vector<float> blind(phi.size(), 0.0f);
  const double one = accuracy_of(architecture, phi, 0.5f);
  EXPECT_GT(one, accuracy_of(architecture, blind, 0.5f));
  for (const auto& states : {std::vector{phi, blind}, std::vector{blind, phi}})
    EXPECT_EQ(accuracy_of(architecture, states, 0.5f), one);
}

TEST(BestReadoutTest, JointlyInputsTellWhatNoLayerDoes) {
  Architecture architecture;
  architecture.widths = {kInputs, 16, 5};
  const std::vector<float> blind(static_cast<std::size_t>(architecture.phi_size()), 0.0f);
  EXPECT_NEAR(accuracy_of(architecture, blind, 0.01f), 1.0 / kClasses, 1e-12);
  EXPECT_EQ(accuracy_of(architecture, blind, 0.01f, true), 1);
}

}  // namespace
}  // namespace metaplastic
