#include "data/further_rows.h"

#include <gtest/gtest.h>

#include "data/dataset_test_files.h"
#include "data/preprocess.h"

namespace metaplastic {
namespace {

using Row = std::vector<float>;

class FurtherRows : public testing::Test {
 protected:
  Dataset csv(const std::string& text, const std::string& options) {
    return load_dataset("csv:" + write_test_file(folder_, std::to_string(++count_), text) +
                        options);
  }
  TestFolder folder_;
  int count_ = 0;
};

TEST_F(FurtherRows, StandBetweenTrainingAndTestRows) {
  Dataset data = csv("a,c,y\n1,u,k\n2,v,l\n3,u,k\n", ",label=y,categorical=onehot");
  data.first_test_row = 2;
  const Dataset more = csv("c,a\nw,7\nu,8\n", ",categorical=onehot");
  const Dataset all = with_further_rows(data, more);
  EXPECT_EQ(all.column_names, (std::vector<std::string>{"a", "c=u", "c=v", "c=w"}));
  EXPECT_EQ(all.labels, (std::vector<int>{0, 1, kNoLabel, kNoLabel, 0}));
  EXPECT_EQ(all.first_test_row, 4);
  ASSERT_EQ(all.num_rows(), 5);
  EXPECT_EQ(row_of(all, 1), (Row{2, 0, 1, 0}));
  EXPECT_EQ(row_of(all, 2), (Row{7, 0, 0, 1}));
  EXPECT_EQ(row_of(all, 3), (Row{8, 1, 0, 0}));
  EXPECT_EQ(row_of(all, 4), (Row{3, 1, 0, 0}));
  EXPECT_EQ(apply_preprocess(fit_preprocess(all), all).size(), 20u);
}

TEST_F(FurtherRows, TextKeepsTheWordsOfBoth) {
  const auto text = [&](const std::string& lines) {
    return load_dataset("text:" + write_test_file(folder_, std::to_string(++count_), lines));
  };
  Dataset data = text("k\tb a\nl\tc\n");
  data.first_test_row = 1;
  const Dataset all = with_further_rows(data, text("d b\n"));
  EXPECT_EQ(all.documents->words, (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(all.documents->word_ids, (std::vector<int>{1, 0, 3, 1, 2}));
  EXPECT_EQ(all.labels, (std::vector<int>{0, kNoLabel, 1}));
  EXPECT_EQ(all.first_test_row, 2);
}

TEST_F(FurtherRows, OtherColumnsAreRefused) {
  const Dataset data = csv("a,b\n1,2\n3,4\n", "");
  const auto line = [&](const Dataset& more) {
    return error_line([&] { with_further_rows(data, more); });
  };
  EXPECT_NE(line(csv("a\n1\n", "")).find("found none named 'b'"), std::string::npos);
  EXPECT_NE(line(csv("a,b,c\n1,2,3\n", "")).find("found none named 'c'"), std::string::npos);
  EXPECT_NE(line(csv("1,2\n", ",image=1x2")).find("use data of one kind"), std::string::npos);
}

}  // namespace
}  // namespace metaplastic
