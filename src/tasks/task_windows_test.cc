// Tasks whose examples are windows of their images and signals.
#include "tasks/task_windows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "tasks/task.h"

namespace metaplastic {
namespace {

TaskConfig one_family(const char* name) {
  TaskConfig config;
  std::ranges::fill(config.weights, 0.0f);
  config.weight(name) = 1;
  config.image_sources.clear();
  config.image_side = 9;
  config.permute_inputs = true;
  config.augment.augmented_share = 0;
  return config;
}

// A window as it is defined, in double.
std::vector<double> window_of(const TaskWindows& windows, const std::vector<float>& instance,
                              int place) {
  std::vector<double> values;
  for (int y = 0; y < windows.height; ++y) {
    for (int x = 0; x < windows.width * windows.shape.channels; ++x) {
      const int top = place / windows.across() * windows.stride + y;
      const int left = place % windows.across() * windows.stride * windows.shape.channels + x;
      const int row = windows.shape.width * windows.shape.channels;
      values.push_back(double{instance[static_cast<std::size_t>(top * row + left)]});
    }
  }
  const auto n = static_cast<double>(values.size());
  double mean = 0, square = 0;
  for (const double value : values) mean += value / n;
  for (const double value : values) square += (value - mean) * (value - mean) / n;
  for (double& value : values) {
    value = (value - mean) / (std::sqrt(square) + double{windows.offset});
  }
  return values;
}

void expect_windows(const char* family, TaskWindows windows) {
  const TaskDistribution tasks(one_family(family));
  const Task whole = tasks.make_task(2, 5, Split::kTrain);
  Task task = tasks.make_task(2, 5, Split::kTrain);
  windows.shape = task.shape();
  task.see_windows(windows);
  const int N = 2 * task.num_classes(), P = windows.places(), K = windows.size();
  ASSERT_EQ(task.num_inputs(), K);
  EXPECT_EQ(task.shape(), windows.shape);
  TaskBatch images, found;
  whole.draw_batch(Purpose::kSupport, 3, N, images);
  task.draw_batch(Purpose::kSupport, 3, N, found);
  EXPECT_EQ(found.labels, images.labels);
  ASSERT_EQ(found.x.size(), static_cast<std::size_t>(K * N * P));
  for (int b = 0; b < N; ++b) {
    std::vector<float> instance(static_cast<std::size_t>(whole.num_inputs()));
    for (std::size_t u = 0; u < instance.size(); ++u) {
      instance[static_cast<std::size_t>(whole.permutation()[u])] =
          images.x[u * static_cast<std::size_t>(N) + static_cast<std::size_t>(b)];
    }
    for (int place = 0; place < P; ++place) {
      const std::vector<double> expected = window_of(windows, instance, place);
      for (int k = 0; k < K; ++k) {
        const auto at = static_cast<std::size_t>(k * N * P + b * P + place);
        EXPECT_NEAR(found.x[at], expected[static_cast<std::size_t>(k)], 2e-4);
      }
    }
  }
  TaskBatch batch, again;
  task.draw_batch(Purpose::kInnerBatch, 0, 12, batch);
  EXPECT_EQ(batch.x.size(), static_cast<std::size_t>(12 * K));
  task.draw_batch(Purpose::kInnerBatch, 0, 12, again);
  EXPECT_EQ(batch.x, again.x);
}

// Of each instance as many as asked for, at different places: they are among all of its windows.
TEST(TaskWindows, OfAnInstanceAreAtDifferentPlaces) {
  const TaskDistribution tasks(one_family("fields"));
  Task task = tasks.make_task(2, 5, Split::kTrain);
  TaskWindows windows;
  windows.shape = task.shape();
  windows.height = windows.width = 4, windows.stride = 2;
  task.see_windows(windows);
  ASSERT_EQ(windows.places(), 9);
  const auto K = static_cast<std::size_t>(windows.size());
  const auto columns_of = [&](const TaskBatch& batch, std::size_t first, std::size_t count) {
    std::set<std::vector<float>> columns;
    const std::size_t B = batch.x.size() / K;
    for (std::size_t b = first; b < first + count; ++b) {
      std::vector<float> column(K);
      for (std::size_t k = 0; k < K; ++k) column[k] = batch.x[k * B + b];
      columns.insert(column);
    }
    return columns;
  };
  TaskBatch all, some;
  task.draw_batch(Purpose::kNeighbours, 1, 6, all, 9);
  task.draw_batch(Purpose::kNeighbours, 1, 6, some, 4);
  ASSERT_EQ(some.x.size(), 6 * 4 * K);
  for (std::size_t n = 0; n < 6; ++n) {
    const auto found = columns_of(some, 4 * n, 4);
    EXPECT_EQ(found.size(), 4u) << "different places";
    EXPECT_TRUE(std::ranges::includes(columns_of(all, 9 * n, 9), found));
  }
}

TEST(TaskWindows, AreThoseOfTheirDefinition) {
  TaskWindows square;
  square.height = 4, square.width = 3, square.stride = 2;
  expect_windows("fields", square);
  TaskWindows line;
  line.width = 5, line.offset = 0.1f;
  expect_windows("signals", line);
}

}  // namespace
}  // namespace metaplastic
