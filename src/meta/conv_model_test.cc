// Convolutional base models of meta-training: what is drawn, and what is refused.
#include "meta/conv_model.h"

#include <gtest/gtest.h>

#include <set>

#include "io/test_folder.h"
#include "meta/test_config.h"

namespace metaplastic {
namespace {

MetaConfig conv_config() {
  MetaConfig config = small_run_config();
  config.tasks.weight("signals") = 1;
  config.tasks.image_side = 9;
  config.inner.conv_share = 1;
  config.inner.min_window = 2;
  config.inner.max_window = 4;
  config.validation.conv = {"conv 8 3x3, pool 2x2", "conv 8 5, pool 3"};
  return config;
}

TEST(ConvModel, IsDrawnFromTheConfigForTasksWithPlaces) {
  MetaConfig config = conv_config();
  config.tasks.weight("tables") = 1;
  const TaskDistribution tasks(config.tasks);
  std::set<int> heights;
  for (std::uint64_t index = 0; index < 40; ++index) {
    Task task = tasks.make_task(1, index, Split::kTrain);
    TrajectorySettings settings;
    const Architecture& architecture = settings.architecture;
    settings.architecture.widths = {task.num_inputs(), 4, 4};
    draw_conv_model(config, 1, index, task, settings);
    if (task.shape().size() == 0) {
      EXPECT_EQ(architecture.widths.size(), 3u);
      EXPECT_FALSE(task.windows().has_value());
      continue;
    }
    ASSERT_TRUE(task.windows().has_value());
    const TaskWindows windows = *task.windows();
    heights.insert(windows.height);
    EXPECT_EQ(architecture.widths.size(), 2u);
    EXPECT_EQ(architecture.widths[0], windows.size());
    EXPECT_LE(windows.places(), 144);
    EXPECT_LE(windows.cells_across, windows.across());
    EXPECT_GE(architecture.widths[1], config.inner.min_features);
    EXPECT_LE(architecture.widths[1], config.inner.max_features);
  }
  EXPECT_GE(heights.size(), 3u);  // 1 of signals, and several of images
  config.inner.conv_share = 0;
  Task task = tasks.make_task(1, 0, Split::kTrain);
  TrajectorySettings settings;
  draw_conv_model(config, 1, 0, task, settings);
  EXPECT_FALSE(task.windows().has_value());
}

TEST(ConvModel, StandsBelowDenseLayersInAStack) {
  MetaConfig config = conv_config();
  const TaskDistribution tasks(config.tasks);
  Task alone = tasks.make_task(1, 0, Split::kTrain), stacked = tasks.make_task(1, 0, Split::kTrain);
  TrajectorySettings conv, stack;
  conv.architecture = stack.architecture = {{alone.num_inputs(), 4, 5}, Unary::kTanh};
  draw_conv_model(config, 1, 0, alone, conv);
  config.inner.stack_share = 1;
  draw_conv_model(config, 1, 0, stacked, stack);
  EXPECT_FALSE(conv.below.has_value());
  ASSERT_TRUE(stack.below.has_value());
  EXPECT_EQ(stack.below->widths, conv.architecture.widths);
  EXPECT_EQ(stack.below->activation, Unary::kTanh);
  const TaskWindows windows = *stacked.windows();
  EXPECT_EQ(
      stack.architecture.widths,
      (std::vector<int>{conv.architecture.widths.back() * windows.cells_down * windows.cells_across,
                        4, 5}));
}

TEST(ConvModel, ConfigsThatMakeNoSenseAreRefused) {
  const auto refused = [](const char* text, const char* expected) {
    MetaConfig config = conv_config();
    config.validation.conv = {text};
    const std::string line = error_line([&] { config.validate(); });
    EXPECT_NE(line.find(expected), std::string::npos) << line;
  };
  refused("dense 8", "expected a conv layer and a pool in validation.conv");
  refused("conv 8 3x3", "expected a conv layer and a pool in validation.conv");
  refused("conv 8 3x3, pool 2x2, dense 4", "expected a conv layer and a pool in validation.conv");
  refused("conv 8 3y3, pool 2x2", "a window such as 7x7");
  MetaConfig config = conv_config();
  config.inner.min_window = 5;
  EXPECT_NE(error_line([&] { config.validate(); }).find("inner.min_window <= inner.max_window"),
            std::string::npos);
  config = conv_config();
  config.inner.stack_share = 0.5;
  EXPECT_NE(error_line([&] { config.validate(); }).find("truncation.min_K of at least"),
            std::string::npos);
  config.truncation.min_K = config.truncation.max_K = config.inner.max_T;
  config.validate();
  config.inner.conv_share = 0;
  EXPECT_NE(error_line([&] { config.validate(); }).find("inner.conv_share above 0"),
            std::string::npos);
  config = conv_config();
  config.validation.stack_share = 1;
  config.validation.conv.clear();
  EXPECT_NE(error_line([&] { config.validate(); }).find("layers in validation.conv"),
            std::string::npos);
}

}  // namespace
}  // namespace metaplastic
