#include "tasks/appearance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tasks/task.h"

namespace metaplastic {
namespace {

constexpr int kSide = 14;

std::vector<float> ramp() {
  std::vector<float> image(kSide * kSide);
  for (std::size_t p = 0; p < image.size(); ++p)
    image[p] = 0.1f + 0.3f * static_cast<float>(p) / static_cast<float>(image.size());
  return image;
}

std::vector<float> painted(const Appearance& look, std::vector<float> image, int step = 0) {
  Random random(3, Purpose::kTest, 0, static_cast<std::uint32_t>(step));
  Painter(kSide, look).apply(random, image);
  return image;
}

TEST(Appearance, NoShareIsPlainAndChangesNothing) {
  Random random(1, Purpose::kTest);
  for (int n = 0; n < 100; ++n) EXPECT_TRUE(draw_appearance(0, random).is_plain());
  EXPECT_EQ(painted({}, ramp()), ramp());
}

TEST(Appearance, ShareIsThatOfTheTasks) {
  Random random(2, Purpose::kTest);
  int num_looks = 0;
  for (int n = 0; n < 2000; ++n) num_looks += !draw_appearance(0.7f, random).is_plain();
  // A drawn look is plain by chance in (0.5 0.5 0.75 0.6 0.4 0.75 0.7 0.7) = 1.7 % of the cases.
  EXPECT_NEAR(num_looks / 2000.0, 0.7 * 0.983, 4 * std::sqrt(0.7 * 0.3 / 2000));
}

TEST(Appearance, BlurSpreadsAPixelAndKeepsAConstant) {
  Appearance look;
  look.blurs = 1;
  std::vector<float> dot(kSide * kSide, 0.0f);
  dot[5 * kSide + 7] = 1;
  const std::vector<float> blurred = painted(look, dot);
  EXPECT_FLOAT_EQ(blurred[5 * kSide + 7], 0.25f);
  EXPECT_FLOAT_EQ(blurred[5 * kSide + 8], 0.125f);
  EXPECT_FLOAT_EQ(blurred[4 * kSide + 6], 0.0625f);
  EXPECT_FLOAT_EQ(std::accumulate(blurred.begin(), blurred.end(), 0.0f), 1.0f);
  look.blurs = 3;
  for (const float value : painted(look, std::vector<float>(kSide * kSide, 0.4f)))
    EXPECT_NEAR(value, 0.4f, 1e-6f);
}

TEST(Appearance, ToneAndInversionArePixelByPixel) {
  Appearance look;
  look.tone = 2, look.inverted = true;
  const std::vector<float> before = ramp(), after = painted(look, before);
  for (std::size_t p = 0; p < before.size(); ++p)
    EXPECT_NEAR(after[p], 1 - before[p] * before[p], 1e-6f);
}

TEST(Appearance, ExposureIsOneGainPerExample) {
  Appearance look;
  look.exposure = 0.2f;
  const std::vector<float> before = ramp();
  double sum = 0, square = 0;
  constexpr int kExamples = 2000;
  for (int n = 0; n < kExamples; ++n) {
    const std::vector<float> after = painted(look, before, n);
    const double gain = after[0] / before[0];
    for (std::size_t p = 0; p < before.size(); p += 37)
      EXPECT_NEAR(after[p], std::min(1.0, gain * before[p]), 1e-5);
    sum += std::log(gain), square += std::log(gain) * std::log(gain);
  }
  EXPECT_NEAR(sum / kExamples, 0, 4 * 0.2 / std::sqrt(kExamples));
  EXPECT_NEAR(std::sqrt(square / kExamples), 0.2, 4 * 0.2 / std::sqrt(2.0 * kExamples));
}

TEST(Appearance, FadeDarkensAwayFromItsCentre) {
  Appearance look;
  look.fade = 1, look.fade_radius = 0.3f;
  const std::vector<float> after = painted(look, std::vector<float>(kSide * kSide, 1.0f));
  EXPECT_GT(after[7 * kSide + 7], 0.99f);
  EXPECT_LT(after[0], 0.1f);
  // Half of the fade at the radius: 0.3 sides are 4.2 pixels from the middle between two pixels.
  const float inside = after[7 * kSide + 10], outside = after[7 * kSide + 11];
  EXPECT_GT(inside, 0.5f);
  EXPECT_LT(outside, 0.5f);
}

TEST(Appearance, EveryLookStaysInRange) {
  Random random(4, Purpose::kTest);
  for (int n = 0; n < 300; ++n) {
    const Appearance look = draw_appearance(1, random);
    for (const float value : painted(look, ramp(), n))
      EXPECT_TRUE(value >= 0 && value <= 1) << n << " " << value;
  }
}

TaskConfig fields_only(float appearance_share) {
  TaskConfig config;
  config.weight("glyphs") = 0;
  config.augment.augmented_share = 0;
  config.appearance_share = appearance_share;
  return config;
}

TEST(Appearance, TasksShareTheirLookAndOldOnesKeepTheirBits) {
  const TaskDistribution plain(fields_only(0)), dressed_up(fields_only(1));
  int num_changed = 0;
  for (std::uint64_t index = 0; index < 20; ++index) {
    const Task without = plain.make_task(1, index, Split::kTrain);
    const Task with = dressed_up.make_task(1, index, Split::kTrain);
    EXPECT_TRUE(without.appearance().is_plain());
    EXPECT_EQ(with.appearance(), dressed_up.make_task(1, index, Split::kTrain).appearance());
    TaskBatch a, b, again;
    without.draw_batch(Purpose::kInnerBatch, 0, 8, a);
    with.draw_batch(Purpose::kInnerBatch, 0, 8, b);
    with.draw_batch(Purpose::kInnerBatch, 0, 8, again);
    EXPECT_EQ(a.labels, b.labels);
    EXPECT_EQ(b.x, again.x);
    num_changed += a.x != b.x;
  }
  EXPECT_GE(num_changed, 18);
}

TEST(Appearance, VectorTasksHaveNone) {
  TaskConfig config = fields_only(1);
  config.weight("fields") = 0, config.weight("tables") = 1;
  const TaskDistribution tables(config);
  EXPECT_TRUE(tables.make_task(1, 0, Split::kTrain).appearance().is_plain());
}

}  // namespace
}  // namespace metaplastic
