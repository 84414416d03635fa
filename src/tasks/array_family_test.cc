#include "tasks/array_family.h"

#include <gtest/gtest.h>

#include <set>

#include "data/dataset_test_files.h"
#include "tasks/task.h"

namespace metaplastic {
namespace {

// Rows whose first column is their number, in classes by turns.
std::string write_table(const TestFolder& folder, int num_rows, int num_classes) {
  std::string text = "number,square,label\n";
  for (int n = 0; n < num_rows; ++n) {
    text += fmt::format("{},{},c{}\n", n, n * n, n % num_classes);
  }
  return "csv:" + write_test_file(folder, "rows.csv", text) + ",label=label";
}

TaskConfig config_of(const std::string& source) {
  TaskConfig config;
  config.weight("glyphs") = config.weight("fields") = 0;
  config.image_sources = {source};
  config.held_out_share = 0.3f;
  config.permute_inputs = false;
  return config;
}

// First inputs, which name the rows, of many batches.
std::set<float> rows_seen(const TaskDistribution& tasks, Split split) {
  std::set<float> seen;
  for (std::uint64_t index = 0; index < 8; ++index) {
    TaskBatch batch;
    for (std::uint32_t step = 0; step < 20; ++step) {
      tasks.make_task(3, index, split).draw_batch(Purpose::kInnerBatch, step, 64, batch);
      seen.insert(batch.x.begin(), batch.x.begin() + 64);
    }
  }
  return seen;
}

TEST(ArrayFamily, HeldOutRowsNeverReachMetaTraining) {
  const TestFolder folder;
  const TaskDistribution tasks(config_of("mine*2=" + write_table(folder, 120, 4)));
  const std::set<float> train = rows_seen(tasks, Split::kTrain);
  const std::set<float> held_out = rows_seen(tasks, Split::kValidation);
  // 30 rows per class, of which floor(30 * 0.3) = 9 are held out: all of both turn up.
  EXPECT_EQ(train.size(), 84u);
  EXPECT_EQ(held_out.size(), 36u);
  for (const float row : held_out) EXPECT_FALSE(train.contains(row)) << row;
}

TEST(ArrayFamily, ATaskIsAFunctionOfSeedAndIndex) {
  const TestFolder folder;
  const std::string source = "mine=" + write_table(folder, 90, 5);
  TaskBatch one, other, third;
  const TaskDistribution tasks(config_of(source)), again(config_of(source));
  tasks.make_task(7, 5, Split::kTrain).draw_batch(Purpose::kSupport, 2, 60, one);
  again.make_task(7, 5, Split::kTrain).draw_batch(Purpose::kSupport, 2, 60, other);
  again.make_task(7, 6, Split::kTrain).draw_batch(Purpose::kSupport, 2, 60, third);
  EXPECT_EQ(one.num_inputs, 2);
  EXPECT_EQ(one.x, other.x);
  EXPECT_EQ(one.labels, other.labels);
  EXPECT_NE(one.x, third.x);
  EXPECT_NE(tasks.describe()[0].find("mine: 90 rows of 2 numbers, 5 classes, sha256"),
            std::string::npos);
}

TEST(ArrayFamily, BadSourcesGetOneLine) {
  const TestFolder folder;
  const auto line = [](const std::string& source) {
    return error_line([&] { TaskDistribution{config_of(source)}; });
  };
  EXPECT_NE(line("mine*much=npz:rows.npz").find("NAME[*WEIGHT][?]=SPEC"), std::string::npos);
  EXPECT_NE(line("=npz:rows.npz").find("NAME[*WEIGHT][?]=SPEC"), std::string::npos);
  EXPECT_NE(line("mine=npz:/nowhere.npz").find("/nowhere.npz"), std::string::npos);
  const std::string unlabelled = write_test_file(folder, "plain.csv", "a,b\n1,2\n3,4\n");
  EXPECT_NE(line("mine=csv:" + unlabelled).find("labels"), std::string::npos);
  EXPECT_NE(line("mine=" + write_table(folder, 12, 4)).find("2 classes of 4 rows"),
            std::string::npos);
}

}  // namespace
}  // namespace metaplastic
