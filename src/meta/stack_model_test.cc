// Layers in a stack: what dense layers see of a trained conv layer.
#include "meta/stack_model.h"

#include <gtest/gtest.h>

#include "meta/initial_theta.h"
#include "meta/inner_run.h"
#include "meta/test_config.h"
#include "objective/judge.h"

namespace metaplastic {
namespace {

TaskWindows small_windows() {
  TaskWindows windows;
  windows.shape = {5, 4, 1};
  windows.height = windows.width = 2;
  windows.cells_down = 2;
  return windows;
}

// Of the windows that gave the statistics, answers are those of the base model's own batch norm.
TEST(PooledAnswers, AreTheForwardPassPooled) {
  const TaskWindows windows = small_windows();
  const Architecture conv{{windows.size(), 6}, Unary::kSwish};
  const PhiInit init{.weight_std = 0.5, .bias_std = 0.7};
  const std::vector<float> phi = make_phi<float>(conv, init, Random(1, Purpose::kTest));
  constexpr int kInstances = 3;
  std::vector<float> x(static_cast<std::size_t>(windows.size() * windows.places() * kInstances));
  Random random(2, Purpose::kTest);
  for (float& value : x) value = random.normal();
  const PooledAnswers answers(conv, phi, x, windows);
  const std::vector<float> seen = answers.answer(x, kInstances);

  Tape<float> tape;
  tape.reset(false);
  const auto layers = forward(tape, phi_leaves(tape, conv, phi.data()), conv.activation,
                              batch_of(tape, conv, std::span<const float>(x)));
  const PlaceGrid grid{windows.down(), windows.across(), 2, 1};
  const Var<float> expected = pooled(tape, layers.x[1], grid);
  ASSERT_EQ(answers.num_answers(), 12);
  ASSERT_EQ(seen.size(), 12u * kInstances);
  for (std::size_t n = 0; n < seen.size(); ++n) EXPECT_NEAR(seen[n], expected.data[n], 2e-5) << n;
}

TEST(StackModel, DenseLayersSeeWhatTheTrainedLayerAnswers) {
  MetaConfig config = small_run_config();
  config.tasks.image_side = 9;
  config.inner.conv_share = config.inner.stack_share = 1;
  config.inner.min_T = config.inner.max_T = config.truncation.min_K = config.truncation.max_K = 5;
  const TaskDistribution tasks(config.tasks);
  const std::vector<float> theta = initial_theta(config, 7);
  Slot slot;
  open_slot(config, tasks, 3, 0, 0, slot);
  ASSERT_TRUE(slot.settings.below.has_value());
  TaskBatch windows, answers;
  slot.task->draw_batch(Purpose::kSupport, 1, 2 * slot.task->num_classes(), windows);
  const TaskWindows grid = *slot.task->windows();
  TaskData data;
  Tape<float> tape;
  learn_below(config, theta, slot.settings, Random(4, Purpose::kTest), *slot.task, data, tape);
  EXPECT_FALSE(slot.task->windows().has_value());
  EXPECT_EQ(slot.task->num_inputs(), slot.settings.architecture.num_inputs());
  slot.task->draw_batch(Purpose::kSupport, 1, 2 * slot.task->num_classes(), answers);
  EXPECT_EQ(answers.labels, windows.labels);

  // The same layer, trained here.
  Task again = tasks.make_task(3, 0, Split::kTrain);
  again.see_windows(grid);
  std::optional<NeighbourMetric> metric;
  data.start(again, 0, 1, slot.settings.inner_batch, config, metric, slot.settings.rows);
  const Architecture& conv = *slot.settings.below;
  const InnerRun run =
      run_inner(config, theta, conv,
                make_phi<float>(conv, config.inner.phi_init(), Random(4, Purpose::kTest)), 5, {5},
                data, tape);
  const PooledAnswers layer(conv, run.states.back(), data.pool_examples(), grid);
  const std::vector<float> expected = layer.answer(windows.x, windows.num_examples);
  ASSERT_EQ(answers.x.size(), expected.size());
  for (std::size_t n = 0; n < expected.size(); ++n) EXPECT_NEAR(answers.x[n], expected[n], 1e-5);
  const std::vector<float> first =
      make_phi<float>(conv, config.inner.phi_init(), Random(4, Purpose::kTest));
  EXPECT_NE(PooledAnswers(conv, first, data.pool_examples(), grid)
                .answer(windows.x, windows.num_examples),
            expected);
}

}  // namespace
}  // namespace metaplastic
