#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "data/dataset_parts.h"
#include "data/dataset_test_files.h"

namespace metaplastic {
namespace {

using Labels = std::vector<int>;
using Names = std::vector<std::string>;

Dataset rows(std::size_t count) {
  Dataset data;
  data.rows = rows_of(std::vector<float>(count), 1);
  data.first_test_row = static_cast<std::int64_t>(count);
  return data;
}

template <class Value>
Dataset labelled(const std::vector<Value>& values) {
  Dataset data = rows(values.size());
  set_labels(data, values, "y");
  return data;
}

TEST(Labels, MinusOneAndNanAreNoLabel) {
  const Dataset whole = labelled<std::int64_t>({3, -1, 7, -1, 3});
  EXPECT_EQ(whole.labels, (Labels{0, kNoLabel, 1, kNoLabel, 0}));
  EXPECT_EQ(whole.class_names, (Names{"3", "7"}));
  EXPECT_EQ(whole.num_labelled(), 3);
  ASSERT_EQ(whole.notes.size(), 1u);
  EXPECT_NE(whole.notes[0].find("2 of 5 rows have no label"), std::string::npos);
  EXPECT_NE(describe(whole).find("2 rows without a label"), std::string::npos);

  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Dataset reals = labelled<double>({2, nan, 0, -1});
  EXPECT_EQ(reals.labels, (Labels{1, kNoLabel, 0, kNoLabel}));
  EXPECT_EQ(reals.class_names, (Names{"0", "2"}));
  // Beside fractions -1 is a number like any other.
  const Dataset fractions = labelled<double>({-1, 0.5, nan, 1});
  EXPECT_EQ(fractions.labels, (Labels{0, 1, kNoLabel, 2}));
  EXPECT_EQ(fractions.class_names, (Names{"-1", "0.5", "1"}));
}

TEST(Labels, NamesAndNumbersThatAreWrittenOut) {
  const Dataset names = labelled<std::string>({"b", "", "a", "b"});
  EXPECT_EQ(names.labels, (Labels{1, kNoLabel, 0, 1}));
  EXPECT_EQ(names.class_names, (Names{"a", "b"}));
  // As pandas writes whole numbers beside empty cells.
  const Dataset floats = labelled<std::string>({"10.0", "", "9.0", "-1.0"});
  EXPECT_EQ(floats.labels, (Labels{1, kNoLabel, 0, kNoLabel}));
  EXPECT_EQ(floats.class_names, (Names{"9.0", "10.0"}));
  EXPECT_EQ(labelled<std::string>({"-1", "x"}).class_names, (Names{"-1", "x"}));
}

TEST(Labels, OneClassBesideMinusOneIsSaid) {
  const Dataset data = labelled<std::int64_t>({-1, 1, 1, -1});
  EXPECT_EQ(data.num_classes(), 1);
  ASSERT_EQ(data.notes.size(), 2u);
  EXPECT_NE(data.notes[1].find("write 0 instead"), std::string::npos) << data.notes[1];
}

TEST(Labels, WhatIsNoClassIsLeftOutAndSaid) {
  std::vector<double> target;
  for (int n = 0; n < 60; ++n) target.push_back(0.37 * n);
  const Dataset regression = labelled(target);
  EXPECT_TRUE(regression.labels.empty());
  EXPECT_TRUE(regression.class_names.empty());
  EXPECT_NE(regression.unusable_labels.find("regression target"), std::string::npos);
  EXPECT_NE(labelled<std::int64_t>(std::vector<std::int64_t>(9, -1)).unusable_labels.find("no row"),
            std::string::npos);
  EXPECT_NE(labelled<std::string>({"a", "\xff"}).unusable_labels.find("UTF-8 labels"),
            std::string::npos);
  // Few different numbers are classes, whatever they are.
  EXPECT_EQ(labelled<double>({0.5, 1.5, 2.5}).num_classes(), 3);
  EXPECT_NE(error_line([] {
              Dataset data = rows(3);
              set_labels(data, std::vector<std::int64_t>{1, 2}, "y");
            }).find("expected 3 labels, one per row, found 2"),
            std::string::npos);
}

TEST(Labels, CsvCells) {
  const TestFolder folder;
  const Dataset data = load_dataset(
      "csv:" + write_test_file(folder, "a.csv", "x,kind\n1,a\n2,\n3,NA\n4,b\n") + ",label=kind");
  EXPECT_EQ(data.labels, (Labels{0, kNoLabel, kNoLabel, 1}));
  EXPECT_EQ(data.num_rows(), 4);
}

}  // namespace
}  // namespace metaplastic
