#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "tasks/field_family.h"
#include "tasks/field_texture.h"
#include "tasks/test_images.h"

namespace metaplastic {
namespace {

double distance(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t p = 0; p < a.size(); ++p) sum += (a[p] - b[p]) * (a[p] - b[p]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

std::unique_ptr<ClassSet> classes_of(std::uint64_t task, int num_classes) {
  Random random(1, Purpose::kTest, task);
  return FieldFamily().draw_classes(Split::kTrain, num_classes, random);
}

TEST(Fields, WavesAreWhatTheFormulaSays) {
  const Wave waves[] = {{0.3f, -0.2f, 1.5f, 0.7f}, {-0.9f, 0.05f, 0.5f, 2.0f}};
  Image image(40 * 40, 0.0f);
  add_waves(waves, 40, image);
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 40; ++x) {
      double expected = 0;
      for (const Wave& w : waves) {
        expected +=
            double{w.amplitude} * std::cos(double{w.kx} * x + double{w.ky} * y + double{w.phase});
      }
      // 40 rotations, each off by at most a few eps of a value of size 1, twice.
      EXPECT_NEAR(image[static_cast<std::size_t>(y * 40 + x)], expected, 2 * 2 * 40 * 1.2e-7 * 4);
    }
  }
}

TEST(Fields, TextureRealisationsAreFreshButShareTheirBrightness) {
  Random random(4, Purpose::kTest);
  for (int n = 0; n < 20; ++n) {
    TextureStyle style = draw_texture_style(random);
    style.shape = TextureShape::kPlain;
    style.low_frequency = 4;
    style.high_frequency = 8;
    std::vector<std::uint8_t> one(1600), two(1600);
    render_texture(style, 40, random, one);
    render_texture(style, 40, random, two);
    EXPECT_NE(one, two);
    double mean = 0;
    for (const std::uint8_t value : one) mean += value / 1600.0;
    EXPECT_NEAR(mean, 127.5, 25);
  }
}

TEST(Fields, ImagesAreInRangeAndInstancesVary) {
  for (std::uint64_t task = 0; task < 12; ++task) {
    const auto classes = classes_of(task, 4);
    ASSERT_EQ(classes->num_classes(), 4);
    for (int c = 0; c < 4; ++c) {
      ASSERT_GE(classes->num_instances(c), 20);
      const Image first = draw_instance(*classes, c, 0, 0);
      for (const float value : first) ASSERT_TRUE(value >= 0 && value <= 1) << value;
      EXPECT_EQ(first, draw_instance(*classes, c, 0, 0));
      EXPECT_GT(distance(first, draw_instance(*classes, c, 1, 0)), 0.0);
      // The same instance again has another texture window or light.
      EXPECT_GT(distance(first, draw_instance(*classes, c, 0, 1)), 0.0);
    }
  }
}

TEST(Fields, TasksDoNotRepeat) {
  const auto one = classes_of(0, 3), same = classes_of(0, 3), other = classes_of(1, 3);
  EXPECT_EQ(draw_instance(*one, 2, 5, 3), draw_instance(*same, 2, 5, 3));
  EXPECT_NE(draw_instance(*one, 2, 5, 3), draw_instance(*other, 2, 5, 3));
}

}  // namespace
}  // namespace metaplastic
