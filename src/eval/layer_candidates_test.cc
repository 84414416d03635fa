#include "eval/layer_candidates.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace metaplastic {
namespace {

Encoder random_encoder() {
  Random random(4, Purpose::kTest);
  Encoder encoder;
  encoder.layers = empty_layers(
      parse_layers("conv 5 3x3, pool 3x3, conv 4 2x2, pool 2x2, dense 6, dense 3"), {10, 10, 2});
  for (EncoderLayer& layer : encoder.layers) {
    if (!layer.spec.has_weights()) continue;
    layer.W.resize(static_cast<std::size_t>(window_size(layer.spec, layer.in) * layer.spec.units));
    layer.b.resize(static_cast<std::size_t>(layer.spec.units));
    for (float& w : layer.W) w = random.normal();
    for (float& b : layer.b) b = random.normal();
  }
  return encoder;
}

// Wherever the encoder is cut, every layer has the bits that the whole encoder gives.
TEST(LayerCandidates, AStageChangesNoBit) {
  const Encoder encoder = random_encoder();
  constexpr std::int64_t kRows = 7;
  std::vector<float> rows(static_cast<std::size_t>(kRows * encoder.num_inputs()));
  Random random(5, Purpose::kTest);
  for (float& value : rows) value = random.uniform();
  for (const std::size_t num_below : {2u, 4u, 5u, 6u}) {
    const auto stage = layer_stage(
        {encoder.layers.begin(), encoder.layers.begin() + static_cast<std::ptrdiff_t>(num_below)},
        encoder.activation);
    ASSERT_NE(stage, nullptr);
    const std::vector<float> staged = stage_features(stage.get(), rows, kRows);
    std::vector<FeatureCandidate> candidates;
    add_layer_candidates({encoder}, num_below, stage, kEveryLayer, {}, candidates);
    ASSERT_EQ(candidates.size(), 5u);  // four layers, and all of them
    for (std::size_t n = 0; n < candidates.size(); ++n) {
      const Readout readout{.layer = n == 4 ? Readout::kAll : static_cast<int>(n) + 1};
      ASSERT_EQ(candidates[n].num_features, num_features(encoder, readout));
      std::vector<float> expected(static_cast<std::size_t>(kRows * candidates[n].num_features));
      std::vector<float> found = expected;
      encode(encoder, rows, kRows, readout, expected);
      candidates[n].encode(staged, kRows, found);
      EXPECT_EQ(found, expected) << num_below << ", candidate " << n;
    }
  }
  EXPECT_EQ(layer_stage({}, Unary::kRelu), nullptr);
}

}  // namespace
}  // namespace metaplastic
