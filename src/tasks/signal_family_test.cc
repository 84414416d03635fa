// Generated signals: functions of their names, with classes that differ wherever the signal starts.
#include "tasks/signal_family.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tasks/task.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

std::vector<float> draw_signal(const ClassSet& classes, int c, int n) {
  Random random(2, Purpose::kTest);
  std::vector<float> out(static_cast<std::size_t>(classes.num_inputs()));
  classes.instance(c, n, random, out);
  return out;
}

constexpr SignalKind kAllKinds[] = {SignalKind::kNoise, SignalKind::kChirps, SignalKind::kPulses,
                                    SignalKind::kModulated, SignalKind::kPhrases};

TEST(SignalFamily, InstancesAreFunctionsOfTheirNames) {
  for (const SignalKind kind : kAllKinds) {
    Random random(3, Purpose::kTest), same(3, Purpose::kTest);
    const auto classes = SignalFamily::draw_classes(kind, {1, 60, 2}, 4, random);
    const auto again = SignalFamily::draw_classes(kind, {1, 60, 2}, 4, same);
    EXPECT_EQ(classes->shape(), (ImageShape{1, 60, 2}));
    const std::vector<float> first = draw_signal(*classes, 2, 7);
    EXPECT_EQ(first, draw_signal(*again, 2, 7));
    EXPECT_NE(first, draw_signal(*classes, 2, 8));
    EXPECT_NE(first, draw_signal(*classes, 3, 7));
    double sum = 0, square = 0, count = 0;
    for (int n = 0; n < 200; ++n) {
      for (const float value : draw_signal(*classes, n % 4, n)) {
        ASSERT_TRUE(std::isfinite(value));
        sum += value, square += double{value} * value, count += 1;
      }
    }
    EXPECT_NEAR(sum / count, 0, 0.3);
    EXPECT_NEAR(std::sqrt(square / count), 1, 0.35);
  }
}

TEST(SignalFamily, HeldOutKindsNeverReachMetaTraining) {
  for (const SignalKind kind : signal_kinds(Split::kValidation)) {
    EXPECT_EQ(std::ranges::count(signal_kinds(Split::kTrain), kind), 0);
  }
  EXPECT_EQ(signal_kinds(Split::kTrain).size() + signal_kinds(Split::kValidation).size(),
            std::size(kAllKinds));
}

TEST(SignalFamily, TasksKnowTheShapeOfTheirSignals) {
  TaskConfig config;
  std::ranges::fill(config.weights, 0.0f);
  config.weight("signals") = 1;
  config.image_sources.clear();
  const TaskDistribution tasks(config);
  for (std::uint64_t index = 0; index < 20; ++index) {
    const Task task = tasks.make_task(1, index, Split::kTrain);
    EXPECT_EQ(task.family(), "signals");
    EXPECT_EQ(task.shape().size(), task.num_inputs());
    EXPECT_EQ(task.shape().height, 1);
    EXPECT_GE(task.shape().width, 16);
    TaskBatch batch;
    task.draw_batch(Purpose::kInnerBatch, 0, 8, batch);
    EXPECT_EQ(batch.num_inputs, task.num_inputs());
  }
  TaskConfig glyphs;
  glyphs.image_side = 12;
  EXPECT_EQ(TaskDistribution(glyphs).make_task(1, 0, Split::kTrain).shape(),
            (ImageShape{12, 12, 1}));
}

TEST(SignalFamily, ASampleIsADataForm) {
  const Dataset data = load_data("signals,rows=30,classes=3,numbers=64,seed=2");
  EXPECT_EQ(data.kind, DataKind::kSignal);
  EXPECT_EQ(data.num_rows(), 30);
  EXPECT_EQ(data.num_classes(), 3);
  EXPECT_EQ(data.image.size(), data.num_features());
}

}  // namespace
}  // namespace metaplastic
