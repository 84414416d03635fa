#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "tasks/dressed_family.h"
#include "tasks/test_images.h"

namespace metaplastic {
namespace {

// Two classes, upright and lying bars, whose instances are 1 to 4 pixels wide.
class Bars : public TaskFamily {
 public:
  std::string_view name() const override { return "bars"; }
  std::string describe() const override { return "bars: drawn by the test"; }
  int max_classes(Split) const override { return 2; }
  std::unique_ptr<ClassSet> draw_classes(Split, int num_classes, Random&) const override;
};

class BarClasses : public ClassSet {
 public:
  explicit BarClasses(int num_classes) : num_classes_(num_classes) {}
  int num_classes() const override { return num_classes_; }
  int num_instances(int) const override { return 4; }
  void instance(int c, int n, Random&, std::span<float> out) const override {
    for (int y = 0; y < kSourceSide; ++y) {
      for (int x = 0; x < kSourceSide; ++x) {
        const int across = c == 0 ? x : y, along = c == 0 ? y : x;
        const bool inside = across >= 13 && across <= 13 + n && along >= 6 && along < 22;
        out[static_cast<std::size_t>(y * kSourceSide + x)] = inside ? 1.0f : 0.0f;
      }
    }
  }

 private:
  int num_classes_;
};

std::unique_ptr<ClassSet> Bars::draw_classes(Split, int num_classes, Random&) const {
  return std::make_unique<BarClasses>(num_classes);
}

std::unique_ptr<ClassSet> dressed_bars(std::uint64_t task) {
  Random random(1, Purpose::kTest, task);
  return DressedFamily(std::make_shared<Bars>()).draw_classes(Split::kTrain, 2, random);
}

TEST(Dressed, ImagesAreInRangeAFunctionOfTheStreamAndFreshInEveryDrawing) {
  for (std::uint64_t task = 0; task < 20; ++task) {
    const auto classes = dressed_bars(task);
    ASSERT_EQ(classes->num_classes(), 2);
    ASSERT_EQ(classes->num_instances(0), 4);
    const Image first = draw_instance(*classes, 0, 0, 0);
    for (const float value : first) ASSERT_TRUE(value >= 0 && value <= 1) << value;
    EXPECT_EQ(first, draw_instance(*dressed_bars(task), 0, 0, 0));
    EXPECT_NE(first, draw_instance(*classes, 0, 0, 1));
  }
}

// Where an image differs from its own corner, which the bars never reach.
int count_body(const Image& image, float corner) {
  int count = 0;
  for (const float value : image) count += std::abs(value - corner) > 0.05f;
  return count;
}

TEST(Dressed, StrokesBecomeBodiesThatKeepTheirDirection) {
  int on_black = 0;
  for (std::uint64_t task = 0; task < 40; ++task) {
    const auto classes = dressed_bars(task);
    const Image upright = draw_instance(*classes, 0, 0, 3);
    bool black = true;
    for (int p = 0; p < kSourceSide; ++p)
      black = black && upright[static_cast<std::size_t>(p)] == 0;
    if (!black) continue;
    const Image lying = draw_instance(*classes, 1, 0, 3);
    if (count_body(upright, 0) == 0 || count_body(lying, 0) == 0) continue;  // painted near black
    ++on_black;
    // Thicker than the stroke of 1 x 16 pixels it came from.
    EXPECT_GT(count_body(upright, 0), 20) << task;
    const auto reach = [](const Image& image, bool along_y) {
      int first = kSourceSide, last = -1;
      for (int y = 0; y < kSourceSide; ++y) {
        for (int x = 0; x < kSourceSide; ++x) {
          if (image[static_cast<std::size_t>(y * kSourceSide + x)] <= 0.05f) continue;
          first = std::min(first, along_y ? y : x);
          last = std::max(last, along_y ? y : x);
        }
      }
      return last - first;
    };
    EXPECT_GT(reach(upright, true), reach(upright, false)) << task;
    EXPECT_GT(reach(lying, false), reach(lying, true)) << task;
  }
  EXPECT_GE(on_black, 10);
}

}  // namespace
}  // namespace metaplastic
