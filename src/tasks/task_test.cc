#include "tasks/task.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "base/error.h"

namespace metaplastic {
namespace {

TaskConfig plain_config(float glyphs, float fields) {
  TaskConfig config;
  config.weight("glyphs") = glyphs;
  config.weight("fields") = fields;
  config.max_fonts = 120;
  config.augment.augmented_share = 0;
  return config;
}

// Both families and all augmentations; built once.
const TaskDistribution& mixed() {
  static const TaskDistribution distribution([] {
    TaskConfig config = plain_config(1, 1);
    config.augment.augmented_share = 0.7f;
    return config;
  }());
  return distribution;
}

// Accuracy of the nearest class mean of 10 support examples per class, on 10 queries per class.
double centroid_accuracy(const Task& task) {
  TaskBatch support, query;
  const int N = task.num_classes(), U = task.num_inputs(), B = 10 * N;
  task.draw_batch(Purpose::kSupport, 0, B, support);
  task.draw_batch(Purpose::kQuery, 0, B, query);
  std::vector<double> means(static_cast<std::size_t>(N * U));
  for (int u = 0; u < U; ++u) {
    for (int b = 0; b < B; ++b) {
      const int label = support.labels[static_cast<std::size_t>(b)];
      means[static_cast<std::size_t>(label * U + u)] +=
          support.x[static_cast<std::size_t>(u * B + b)] / 10.0;
    }
  }
  int num_right = 0;
  for (int b = 0; b < B; ++b) {
    std::vector<double> distances(static_cast<std::size_t>(N));
    for (int c = 0; c < N; ++c) {
      for (int u = 0; u < U; ++u) {
        const double difference = query.x[static_cast<std::size_t>(u * B + b)] -
                                  means[static_cast<std::size_t>(c * U + u)];
        distances[static_cast<std::size_t>(c)] += difference * difference;
      }
    }
    const auto best = std::min_element(distances.begin(), distances.end()) - distances.begin();
    num_right += best == query.labels[static_cast<std::size_t>(b)];
  }
  return static_cast<double>(num_right) / B;
}

TEST(Task, IsAPureFunctionOfItsNames) {
  const Task one = mixed().make_task(3, 17, Split::kTrain);
  const Task same = mixed().make_task(3, 17, Split::kTrain);
  EXPECT_EQ(one.family(), same.family());
  EXPECT_EQ(one.permutation(), same.permutation());
  TaskBatch a, b;
  one.draw_batch(Purpose::kInnerBatch, 5, 32, a);
  same.draw_batch(Purpose::kInnerBatch, 99, 16, b);  // history must not matter
  same.draw_batch(Purpose::kInnerBatch, 5, 32, b);
  EXPECT_EQ(a.x, b.x);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.augmentation, b.augmentation);
  one.draw_batch(Purpose::kInnerBatch, 6, 32, b);
  EXPECT_NE(a.x, b.x);
  for (const auto& [seed, index, split] :
       {std::tuple(std::uint64_t{4}, std::uint64_t{17}, Split::kTrain),
        std::tuple(std::uint64_t{3}, std::uint64_t{18}, Split::kTrain),
        std::tuple(std::uint64_t{3}, std::uint64_t{17}, Split::kValidation)}) {
    mixed().make_task(seed, index, split).draw_batch(Purpose::kInnerBatch, 5, 32, b);
    EXPECT_NE(a.x, b.x);
  }
}

TEST(Task, ThreadsGetTheSameBatches) {
  const Task task = mixed().make_task(3, 4, Split::kTrain);
  constexpr int kNumSteps = 40;
  std::vector<TaskBatch> alone(kNumSteps), together(kNumSteps);
  for (int s = 0; s < kNumSteps; ++s) {
    task.draw_batch(Purpose::kInnerBatch, static_cast<std::uint32_t>(s), 16,
                    alone[static_cast<std::size_t>(s)]);
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const Task own = mixed().make_task(3, 4, Split::kTrain);
      for (int s = t; s < kNumSteps; s += 4) {
        (s % 8 < 4 ? task : own)
            .draw_batch(Purpose::kInnerBatch, static_cast<std::uint32_t>(s), 16,
                        together[static_cast<std::size_t>(s)]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t s = 0; s < kNumSteps; ++s) EXPECT_EQ(alone[s].x, together[s].x);
}

TEST(Task, BatchesHaveTheirShapesAndRanges) {
  TaskBatch batch;
  std::set<int> class_counts;
  int num_plain = 0;
  for (std::uint64_t index = 0; index < 60; ++index) {
    const Task task = mixed().make_task(1, index, Split::kTrain);
    class_counts.insert(task.num_classes());
    num_plain += task.num_targets() == 0;
    task.draw_batch(Purpose::kInnerBatch, 0, 24, batch);
    ASSERT_EQ(batch.num_examples, 24);
    ASSERT_EQ(batch.x.size(), 196u * 24);
    ASSERT_EQ(batch.labels.size(), 24u);
    ASSERT_EQ(batch.augmentation.size(), static_cast<std::size_t>(24 * task.num_targets()));
    for (const float value : batch.x) ASSERT_TRUE(value >= 0 && value <= 1);
    for (const float value : batch.augmentation) ASSERT_TRUE(value >= -1 && value <= 1);
    for (const int label : batch.labels) ASSERT_TRUE(label >= 0 && label < task.num_classes());
  }
  EXPECT_EQ(*class_counts.begin(), 3);
  EXPECT_EQ(*class_counts.rbegin(), 10);
  EXPECT_GT(num_plain, 5);
  EXPECT_LT(num_plain, 40);
}

TEST(Task, BuffersAreReused) {
  const Task task = mixed().make_task(1, 2, Split::kTrain);
  TaskBatch batch;
  task.draw_batch(Purpose::kInnerBatch, 0, 32, batch);
  const float* x = batch.x.data();
  const float* inputs = batch.scratch.inputs.data();
  task.draw_batch(Purpose::kInnerBatch, 1, 32, batch);
  task.draw_batch(Purpose::kSupport, 1, task.num_classes(), batch);
  EXPECT_EQ(batch.x.data(), x);
  EXPECT_EQ(batch.scratch.inputs.data(), inputs);
}

TEST(Task, SupportAndQueryAreBalancedAndDisjoint) {
  const TaskDistribution distribution(plain_config(1, 0));  // plain glyphs: equal means same one
  const Task task = distribution.make_task(1, 0, Split::kTrain);
  TaskBatch support, query;
  const int shots = 4, B = shots * task.num_classes();  // a class has at least 8 instances
  task.draw_batch(Purpose::kSupport, 3, B, support);
  task.draw_batch(Purpose::kQuery, 3, B, query);
  for (int b = 0; b < B; ++b) {
    EXPECT_EQ(support.labels[static_cast<std::size_t>(b)], b % task.num_classes());
    EXPECT_EQ(query.labels[static_cast<std::size_t>(b)], b % task.num_classes());
  }
  std::set<int> used, asked;
  for (int b = 0; b < B; ++b) {
    const int stride = 1000 * support.labels[static_cast<std::size_t>(b)];
    used.insert(stride + support.scratch.instances[static_cast<std::size_t>(b)]);
    asked.insert(stride + query.scratch.instances[static_cast<std::size_t>(b)]);
  }
  EXPECT_EQ(used.size(), static_cast<std::size_t>(B));  // no instance twice
  EXPECT_EQ(asked.size(), static_cast<std::size_t>(B));
  for (const int instance : used) EXPECT_FALSE(asked.contains(instance));
}

TEST(Task, PermutationIsFixedForTheTaskAndFreshForTheNext) {
  TaskConfig config = plain_config(0, 1);
  const TaskDistribution permuted(config);
  config.permute_inputs = false;
  const TaskDistribution straight(config);
  const Task a = permuted.make_task(1, 0, Split::kTrain);
  const Task b = straight.make_task(1, 0, Split::kTrain);
  std::vector<int> sorted = a.permutation();
  EXPECT_NE(sorted, permuted.make_task(1, 1, Split::kTrain).permutation());
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, b.permutation());  // 0, 1, 2, ...
  EXPECT_EQ(b.permutation()[195], 195);
  TaskBatch shuffled, plain;
  for (const std::uint32_t step : {0u, 7u}) {
    a.draw_batch(Purpose::kInnerBatch, step, 20, shuffled);
    b.draw_batch(Purpose::kInnerBatch, step, 20, plain);
    for (std::size_t u = 0; u < 196; ++u) {
      for (std::size_t n = 0; n < 20; ++n) {
        ASSERT_EQ(shuffled.x[u * 20 + n],
                  plain.x[static_cast<std::size_t>(a.permutation()[u]) * 20 + n]);
      }
    }
  }
}

TEST(Task, TasksAreInformativeButNotTrivial) {
  for (const bool glyphs : {true, false}) {
    TaskConfig config = plain_config(glyphs ? 1.0f : 0.0f, glyphs ? 0.0f : 1.0f);
    config.min_classes = config.max_classes = 10;
    const TaskDistribution distribution(config);
    for (const Split split : {Split::kTrain, Split::kValidation}) {
      double mean = 0;
      int num_perfect = 0;
      for (std::uint64_t index = 0; index < 16; ++index) {
        const double accuracy = centroid_accuracy(distribution.make_task(5, index, split));
        mean += accuracy / 16;
        num_perfect += accuracy > 0.98;
      }
      EXPECT_GT(mean, 0.4) << glyphs;   // chance is 0.1
      EXPECT_LT(mean, 0.98) << glyphs;  // with whichever fonts are installed
      EXPECT_LE(num_perfect, 4) << glyphs;
    }
  }
}

TEST(TaskDistribution, WeightsChooseTheFamilies) {
  TaskConfig config = plain_config(1, 3);
  const TaskDistribution distribution(config);
  int num_glyphs = 0;
  for (std::uint64_t index = 0; index < 200; ++index) {
    num_glyphs += distribution.make_task(2, index, Split::kTrain).family() == "glyphs";
  }
  EXPECT_NEAR(num_glyphs, 50, 31);  // five standard deviations
  ASSERT_EQ(distribution.describe().size(), 2u);
  EXPECT_NE(distribution.describe()[0].find("sha256"), std::string::npos);
}

TEST(TaskDistribution, BadConfigsGetOneLine) {
  const auto error_of = [](const TaskConfig& config) -> std::string {
    try {
      const TaskDistribution distribution(config);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(error_of(plain_config(0, 0)).find("positive weight"), std::string::npos);
  TaskConfig config = plain_config(0, 1);
  config.min_classes = 11;
  EXPECT_NE(error_of(config).find("min_classes"), std::string::npos);
  config = plain_config(0, 1);
  config.image_side = 0;
  EXPECT_NE(error_of(config).find("image_side"), std::string::npos);
  config = plain_config(0, 1);
  config.augment.max_scale = 0;
  EXPECT_NE(error_of(config).find("max_scale"), std::string::npos);
  config = plain_config(0, 1);
  config.image_sources = {"nothing=/no/such/folder:1"};
  EXPECT_NE(error_of(config).find("/no/such/folder"), std::string::npos);
  config.image_sources = {"nothing=/no/such/folder:1?"};
  EXPECT_EQ(error_of(config), "no error");
  config = plain_config(1, 0);
  config.min_fonts = config.max_fonts + 1;
  EXPECT_NE(error_of(config).find("min_fonts"), std::string::npos);
}

}  // namespace
}  // namespace metaplastic
