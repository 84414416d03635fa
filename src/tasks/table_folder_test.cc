#include "tasks/table_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "data/dataset_test_files.h"
#include "tasks/task.h"

namespace metaplastic {
namespace {

// A number that tells a row apart stands in each of the columns.
void write_frame_label(const TestFolder& folder, const std::string& name, int num_rows,
                       int num_columns, int num_classes) {
  std::string text;
  for (int u = 0; u < num_columns; ++u) text += fmt::format("x{},", u + 1);
  text += "class\n";
  for (int n = 0; n < num_rows; ++n) {
    for (int u = 0; u < num_columns; ++u) text += fmt::format("{},", n * (u + 1) + u);
    // The first class has every second row.
    const int label = n % 2 == 0 ? 0 : 1 + n / 2 % (num_classes - 1);
    text += fmt::format("c{}\n", label);
  }
  write_test_file(folder, name, text);
}

TaskConfig folder_config(const TestFolder& folder) {
  TaskConfig config;
  config.weight("glyphs") = config.weight("fields") = 0;
  config.image_sources = {"frames=tables:" + folder.path("")};
  config.min_classes = 2;
  config.held_out_share = 0.3f;
  return config;
}

TEST(TableFolder, FramesAreHeldOutWithAllTheirLabels) {
  const TestFolder folder;
  for (int f = 0; f < 10; ++f)
    for (const char* label : {"a", "b"})
      write_frame_label(folder, fmt::format("pack.age-f{}.{}.csv", f, label), 100, 4, 3);
  const TaskSource source = parse_task_source("frames=tables:" + folder.path(""));
  const TableFolderFamily family(source, 0.3f);
  const auto held = family.frame_names(Split::kValidation),
             train = family.frame_names(Split::kTrain);
  EXPECT_EQ(held.size(), 3u);
  EXPECT_EQ(train.size(), 7u);
  std::set<std::string> all(held.begin(), held.end());
  all.insert(train.begin(), train.end());
  EXPECT_EQ(all.size(), 10u);
  EXPECT_TRUE(all.contains("pack.age-f0"));
  EXPECT_EQ(family.max_classes(Split::kTrain), 3);
  EXPECT_NE(family.describe().find("frames: 20 tables of 10 data frames, sha256 "),
            std::string::npos);
}

TEST(TableFolder, ColumnsAreASubsetInHalfOfTheTasks) {
  const TestFolder folder;
  for (int f = 0; f < 2; ++f) write_frame_label(folder, fmt::format("f{}.a.csv", f), 60, 10, 4);
  const TaskDistribution tasks(folder_config(folder));
  int whole = 0;
  std::set<int> widths;
  for (std::uint64_t index = 0; index < 100; ++index) {
    const Task task = tasks.make_task(1, index, Split::kTrain);
    widths.insert(task.num_inputs());
    whole += task.num_inputs() == 10;
    EXPECT_GE(task.num_inputs(), 4);
    EXPECT_LE(task.num_classes(), 4);
  }
  EXPECT_GT(widths.size(), 4u);
  EXPECT_GT(whole, 30);
  EXPECT_LT(whole, 80);
}

TEST(TableFolder, ADataSetHoldsEachRowOnceAndClassesAsOftenAsTheTable) {
  const TestFolder folder;
  for (int f = 0; f < 2; ++f) write_frame_label(folder, fmt::format("f{}.a.csv", f), 90, 4, 3);
  TaskConfig config = folder_config(folder);
  config.min_classes = 3;
  const TaskDistribution tasks(config);
  const Task task = tasks.make_task(1, 3, Split::kTrain);
  ASSERT_EQ(task.most_rows(), 90);
  TaskBatch all, some, again;
  task.draw_data_set(0, 90, all);
  std::vector<int> counts(3);
  for (const int label : all.labels) ++counts[static_cast<std::size_t>(label)];
  std::ranges::sort(counts);
  EXPECT_EQ(counts, (std::vector<int>{22, 23, 45}));
  // Every column holds each of its 90 values once.
  EXPECT_EQ(std::set<float>(all.x.begin(), all.x.begin() + 90).size(), 90u);
  task.draw_data_set(0, 40, some);
  task.draw_data_set(0, 40, again);
  EXPECT_EQ(some.x, again.x);
  EXPECT_EQ(std::set<float>(some.x.begin(), some.x.begin() + 40).size(), 40u);
}

TEST(TableFolder, GeneratedDataHaveAsManyRowsAsAreAskedFor) {
  TaskConfig config;
  config.weight("glyphs") = 0;
  const Task task = TaskDistribution(config).make_task(1, 0, Split::kTrain);
  EXPECT_FALSE(task.most_rows());
  TaskBatch rows, batch;
  task.draw_data_set(2, 50, rows);
  task.draw_batch(Purpose::kNeighbours, 2, 50, batch);
  EXPECT_EQ(rows.x, batch.x);
}

TEST(TableFolder, WhatCannotBeReadIsRefused) {
  const TestFolder folder;
  const auto refused = [&](float share) {
    try {
      TableFolderFamily(parse_task_source("frames=tables:" + folder.path("")), share);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(refused(0.3f).find("expected at least 2 tables"), std::string::npos);
  write_frame_label(folder, "f0.a.csv", 40, 4, 3);
  write_test_file(folder, "f1.a.csv", "x1,x2,class\n1,2,a\n3,4,a\n5,6,a\n7,9,a\n8,8,a\n");
  EXPECT_NE(refused(0.3f).find("at least 2 classes"), std::string::npos);
  EXPECT_THROW(TableFolderFamily(parse_task_source("frames=tables:missing"), 0.3f), Error);
  EXPECT_THROW(parse_task_source("frames=tables:a,b"), Error);
}

}  // namespace
}  // namespace metaplastic
