// How long trajectories are, and where the first ones of a run start.
#include "meta/trajectory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "meta/estimate_slot.h"
#include "meta/run_folder.h"
#include "meta/test_config.h"
#include "neighbours/constants.h"

namespace metaplastic {
namespace {

TEST(CurriculumTest, LongestTGrowsFromTheShortest) {
  MetaConfig config;
  config.inner.min_T = 10;
  config.inner.max_T = 1000;
  const MetaConfig plain = config;
  config.inner.curriculum_steps = 100;
  const auto longest = [&](std::int64_t outer_step) {
    int most = 0;
    for (std::uint64_t task = 0; task < 300; ++task) {
      const TrajectorySettings settings = draw_trajectory(config, 1, task, 9, outer_step);
      const TrajectorySettings usual = draw_trajectory(plain, 1, task, 9, outer_step);
      EXPECT_EQ(settings.architecture.widths, usual.architecture.widths);
      EXPECT_GE(settings.T, 10);
      if (outer_step >= 100) {
        EXPECT_EQ(settings.T, usual.T);
      }
      most = std::max(most, settings.T);
    }
    return most;
  };
  EXPECT_EQ(longest(0), 10);
  EXPECT_NEAR(longest(50), 100, 5);  // 10 sqrt(100); of 300 draws the largest is near the end
  EXPECT_GT(longest(100), 900);
}

// Batches with their neighbours are functions of the step, whichever window shows them.
TEST(TaskDataTest, ANeighbourDoesNotDependOnWhereATruncationStarts) {
  MetaConfig config = small_run_config();
  config.rule.views = "neighbours";
  config.inner.neighbour_pool = 200;
  const TaskDistribution tasks(config.tasks);
  Slot slot;
  open_slot(config, tasks, 7, 0, 0, slot);
  const int last = kNeighbourhood.pool_steps + 2;
  std::optional<NeighbourMetric> kept;
  const auto batch_of_last = [&](int first_step, std::initializer_list<int> before,
                                 std::optional<NeighbourMetric> metric = {}) {
    TaskData data;
    data.start(*slot.task, static_cast<std::uint32_t>(first_step), last - first_step + 1, 8, config,
               metric);
    for (const int step : before) data.inner_batch(step - first_step);
    const std::span<const float> batch = data.inner_batch(last - first_step);
    kept = metric;
    return std::vector<float>(batch.begin(), batch.end());
  };
  const std::vector<float> expected = batch_of_last(0, {});
  EXPECT_EQ(batch_of_last(0, {2, last - 1}), expected);
  EXPECT_EQ(batch_of_last(0, {last - 1, 2}), expected);
  EXPECT_EQ(batch_of_last(last - 1, {last - 1}), expected);
  EXPECT_EQ(batch_of_last(last - 1, {}, kept), expected);
  slot.metric = kept;
  ++slot.generation;
  open_slot(config, tasks, 7, 0, 1, slot);
  EXPECT_FALSE(slot.metric);
}

TEST(TaskDataTest, BagsOfRareWordsAskForUnitsThatAreNearlyLinear) {
  MetaConfig config = small_run_config();
  config.rule.views = "neighbours";
  config.inner.neighbour_pool = 400;
  config.tasks.weight("fields") = 0, config.tasks.weight("words") = 1;
  const TaskDistribution tasks(config.tasks);
  const auto share_after_a_batch = [&](std::uint64_t index) {
    const Task task = tasks.make_task(7, index, Split::kTrain);
    TaskData data;
    std::optional<NeighbourMetric> metric;
    data.start(task, 0, 1, 8, config, metric);
    EXPECT_EQ(data.homeostatic_share(), kNeighbourhood.homeostatic_share);  // before it
    data.inner_batch(0);
    return data.homeostatic_share();
  };
  EXPECT_EQ(share_after_a_batch(5), kNeighbourhood.sparse_homeostatic_share);  // 310 words
  EXPECT_EQ(share_after_a_batch(4), kNeighbourhood.homeostatic_share);  // 160, most of them common
}

// A first trajectory that starts late is where one comes to that starts at 0 with the same theta.
TEST(StaggeredStartTest, IsTheStateAfterSoManySteps) {
  MetaConfig config = small_run_config();
  config.outer.outer_batch = 4;
  config.inner.min_T = config.inner.max_T = 60;  // more steps than are made at a time
  config.inner.staggered_start = true;
  const TaskDistribution tasks(config.tasks);
  const ThetaLayout layout(config.rule);
  const std::vector<float> theta = initial_theta(config, 7);
  const auto estimator = make_estimator(config.estimator);
  std::vector<float> gradient(theta.size());
  TrajectoryWorkspace workspace;
  std::set<std::int64_t> starts;
  for (int s = 0; s < config.outer.outer_batch; ++s) {
    Slot late, expected;
    open_slot(config, tasks, 7, s, 0, late);
    open_slot(config, tasks, 7, s, 0, expected);
    const SlotEstimate made = estimate_slot({config, layout, tasks, *estimator, 7}, theta, 0, s,
                                            late, workspace, gradient);
    TaskData data;
    data.start(*expected.task, 0, static_cast<int>(made.inner_step), expected.settings.inner_batch,
               config, expected.metric);
    Tape<float> tape;
    unroll(layout, theta.data(), expected.settings.architecture, expected.phi,
           static_cast<int>(made.inner_step), truncation_settings(config, 1), data, tape);
    if (late.generation > 0) continue;  // its trajectory has ended
    EXPECT_EQ(late.phi, expected.phi);
    EXPECT_LE(made.inner_steps, config.truncation.max_K);
    starts.insert(made.inner_step - made.inner_steps);
  }
  EXPECT_GT(starts.size(), 1u);
  EXPECT_GT(*starts.rbegin(), 16);
}

}  // namespace
}  // namespace metaplastic
