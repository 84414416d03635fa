#include "tasks/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "tasks/task_config.h"
#include "tasks/test_images.h"

namespace metaplastic {
namespace {

// Values that are multiples of 1/256, so that sums of up to 2^16 of them are exact in float.
Image random_source() {
  Random random(3, Purpose::kTest);
  Image image(kSourcePixels);
  for (float& value : image) value = static_cast<float>(random.below(257)) / 256.0f;
  return image;
}

// A bright Gaussian blob at (x, y) in source pixels.
Image blob(float x, float y, float width = 2.5f) {
  Image image(kSourcePixels);
  for (int i = 0; i < kSourceSide; ++i) {
    for (int j = 0; j < kSourceSide; ++j) {
      const float u = (static_cast<float>(j) - x) / width, v = (static_cast<float>(i) - y) / width;
      image[static_cast<std::size_t>(i * kSourceSide + j)] = std::exp(-0.5f * (u * u + v * v));
    }
  }
  return image;
}

struct Result {
  Image out;
  std::vector<float> targets;
};

Result apply(const AugmentRanges& ranges, const Image& source, std::uint32_t step, int side = 14) {
  Random random(5, Purpose::kTest, 1, step);
  Augmenter::Workspace workspace;
  const Augmenter augmenter(side, ranges);
  Result result{Image(static_cast<std::size_t>(side * side)),
                std::vector<float>(static_cast<std::size_t>(ranges.num_targets()))};
  augmenter.apply(source, random, workspace, result.out, result.targets);
  return result;
}

// Centre of mass (x, y) and mean squared radius about it, in output pixels from the middle.
struct Moments {
  double x = 0, y = 0, spread = 0, mass = 0;
};

Moments moments(const Image& image) {
  const int side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(image.size()))));
  const double middle = 0.5 * (side - 1);
  Moments m;
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < side; ++i) {
      for (int j = 0; j < side; ++j) {
        const double value = image[static_cast<std::size_t>(i * side + j)];
        const double x = j - middle, y = i - middle;
        if (pass == 0) {
          m.mass += value;
          m.x += value * x;
          m.y += value * y;
        } else {
          m.spread += value * ((x - m.x) * (x - m.x) + (y - m.y) * (y - m.y)) / m.mass;
        }
      }
    }
    if (pass == 0) {
      m.x /= m.mass;
      m.y /= m.mass;
    }
  }
  return m;
}

TEST(Augment, PlainImageIsExactlyTheBlockMean) {
  const Image source = random_source();
  for (const int side : {28, 14, 7, 4}) {
    const int box = kSourceSide / side;
    const Image out = apply({}, source, 0, side).out;
    for (int i = 0; i < side; ++i) {
      for (int j = 0; j < side; ++j) {
        float sum = 0;
        for (int v = 0; v < box; ++v) {
          for (int u = 0; u < box; ++u) {
            sum += source[static_cast<std::size_t>((i * box + v) * kSourceSide + j * box + u)];
          }
        }
        // The scale 1/49 is no power of two, but the product is the same one.
        ASSERT_EQ(out[static_cast<std::size_t>(i * side + j)],
                  sum * (1.0f / static_cast<float>(box * box)))
            << side << " " << i << " " << j;
      }
    }
  }
}

TEST(Augment, OtherSidesKeepTheMeanOfAFlatImage) {
  for (const int side : {5, 10, 16, 20, 32, 56}) {
    for (const float value : apply({}, Image(kSourcePixels, 0.25f), 0, side).out) {
      ASSERT_FLOAT_EQ(value, 0.25f) << side;
    }
  }
}

TEST(Augment, ShiftTargetsMoveTheContentByTheirAmount) {
  AugmentRanges ranges;
  ranges.shift = 0.15f;
  ASSERT_EQ(ranges.num_targets(), 2);
  const Image source = blob(13.5f, 13.5f);
  for (std::uint32_t step = 0; step < 20; ++step) {
    const Result r = apply(ranges, source, step);
    const Moments m = moments(r.out);
    // Bilinear sampling moves the centre exactly; what remains is the blob's cut tail.
    EXPECT_NEAR(m.x, r.targets[0] * 0.15 * 14, 0.02);
    EXPECT_NEAR(m.y, r.targets[1] * 0.15 * 14, 0.02);
  }
}

TEST(Augment, PositiveRotationTurnsClockwiseByItsAngle) {
  AugmentRanges ranges;
  ranges.rotation = 0.6f;
  const Image source = blob(13.5f + 6, 13.5f);  // right of the middle, y points down
  for (std::uint32_t step = 0; step < 20; ++step) {
    const Result r = apply(ranges, source, step);
    const Moments m = moments(r.out);
    EXPECT_NEAR(std::atan2(m.y, m.x), r.targets[0] * 0.6, 0.02);
  }
}

TEST(Augment, PositiveScaleEnlarges) {
  AugmentRanges ranges;
  ranges.log_scale = 0.3f;
  const Image source = blob(13.5f + 4, 13.5f - 2, 1.5f);
  for (std::uint32_t step = 0; step < 20; ++step) {
    const Result r = apply(ranges, source, step);
    const Moments m = moments(r.out);
    const double factor = std::exp(r.targets[0] * 0.3);
    EXPECT_NEAR(m.x, 2 * factor, 0.03);
    EXPECT_NEAR(m.y, -1 * factor, 0.03);
  }
}

TEST(Augment, PositiveShearMovesTheLowerPartRight) {
  AugmentRanges ranges;
  ranges.shear = 0.3f;
  const Image source = blob(13.5f, 13.5f + 6);
  for (std::uint32_t step = 0; step < 20; ++step) {
    const Result r = apply(ranges, source, step);
    const Moments m = moments(r.out);
    EXPECT_NEAR(m.x, 3 * 0.3 * r.targets[0], 0.03);
    EXPECT_NEAR(m.y, 3, 0.03);
  }
}

TEST(Augment, ContrastAndBrightnessTargetsGiveTheLine) {
  Image source(kSourcePixels, 0.45f);
  std::fill(source.begin() + kSourcePixels / 2, source.end(), 0.55f);
  AugmentRanges ranges;
  ranges.log_contrast = 0.7f;
  ranges.brightness = 0.2f;
  for (std::uint32_t step = 0; step < 10; ++step) {
    const Result r = apply(ranges, source, step);
    const float gain = std::exp(0.7f * r.targets[0]), offset = 0.2f * r.targets[1];
    EXPECT_NEAR(r.out.front(), 0.5f - 0.05f * gain + offset, 1e-5f);
    EXPECT_NEAR(r.out.back(), 0.5f + 0.05f * gain + offset, 1e-5f);
  }
}

TEST(Augment, NoiseTargetGivesTheDeviation) {
  AugmentRanges ranges;
  ranges.noise = 0.1f;
  const Image grey(kSourcePixels, 0.5f);
  for (std::uint32_t step = 0; step < 10; ++step) {
    const Result r = apply(ranges, grey, step, 28);
    double sum = 0, squares = 0;
    for (const float value : r.out) {
      sum += value - 0.5;
      squares += (value - 0.5) * (value - 0.5);
    }
    const double level = 0.05 * (r.targets[0] + 1), n = kSourcePixels;
    EXPECT_NEAR(sum / n, 0, 5 * level / std::sqrt(n) + 1e-6);
    EXPECT_NEAR(std::sqrt(squares / n), level, 5 * level / std::sqrt(2 * n) + 1e-6);
  }
}

TEST(Augment, InversionIsOneMinusTheImage) {
  const Image source = random_source();
  const Image plain = apply({}, source, 0).out;
  AugmentRanges ranges;
  ranges.inversion = Inversion::kAlways;
  EXPECT_EQ(ranges.num_targets(), 0);
  const Image inverted = apply(ranges, source, 0).out;
  for (std::size_t p = 0; p < plain.size(); ++p) EXPECT_NEAR(inverted[p], 1 - plain[p], 1e-6f);
  ranges.inversion = Inversion::kPerExample;
  int num_inverted = 0;
  for (std::uint32_t step = 0; step < 40; ++step) {
    num_inverted += apply(ranges, source, step).out != plain;
  }
  EXPECT_GT(num_inverted, 8);
  EXPECT_LT(num_inverted, 32);
}

TEST(Augment, DropoutMasksAtMostItsShareAndNothingElse) {
  const Image white(kSourcePixels, 1.0f);
  for (const Dropout kind : {Dropout::kPixels, Dropout::kRectangle}) {
    AugmentRanges ranges;
    ranges.dropout = 0.4f;
    ranges.dropout_kind = kind;
    double total = 0;
    for (std::uint32_t step = 0; step < 200; ++step) {
      const Image out = apply(ranges, white, step).out;
      const auto zeros = std::count(out.begin(), out.end(), 0.0f);
      ASSERT_EQ(zeros + std::count(out.begin(), out.end(), 1.0f), 196);
      total += static_cast<double>(zeros) / 196;
    }
    EXPECT_NEAR(total / 200, 0.2, 0.04);  // the share is uniform in [0, 0.4]
  }
}

TEST(Augment, ElasticMovesPixelsLittleAndDifferentlyEachTime) {
  AugmentRanges ranges;
  ranges.elastic = 0.06f;
  const Image source = blob(10, 16);
  const Moments plain = moments(apply({}, source, 0).out);
  const Image first = apply(ranges, source, 1).out;
  EXPECT_NE(first, apply({}, source, 0).out);
  EXPECT_NE(first, apply(ranges, source, 2).out);
  for (std::uint32_t step = 0; step < 20; ++step) {
    const Moments m = moments(apply(ranges, source, step).out);
    EXPECT_LT(std::hypot(m.x - plain.x, m.y - plain.y), 1.5 * 0.06 * 14 + 0.1);
  }
}

TEST(Augment, RangesFollowTheConfig) {
  AugmentConfig config;
  config.augmented_share = 0.4f;
  int num_augmented = 0, num_shifted = 0;
  for (std::uint32_t step = 0; step < 1000; ++step) {
    Random random(9, Purpose::kTest, 2, step);
    const AugmentRanges ranges = draw_augment_ranges(config, random);
    EXPECT_LE(ranges.shift, config.max_shift);
    EXPECT_LE(ranges.log_scale, std::log(config.max_scale));
    EXPECT_LE(ranges.noise, config.max_noise);
    EXPECT_LE(ranges.num_targets(), 8);
    num_shifted += ranges.shift > 0;
    num_augmented += ranges.num_targets() > 0;
  }
  EXPECT_NEAR(num_augmented, 400, 80);  // five standard deviations
  EXPECT_NEAR(num_shifted, 200, 65);
  config.augmented_share = 0;
  Random random(9, Purpose::kTest);
  EXPECT_EQ(draw_augment_ranges(config, random).num_targets(), 0);
}

}  // namespace
}  // namespace metaplastic
