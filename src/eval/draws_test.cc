#include "eval/draws.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "eval/test_data.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

// The support is balanced and shares no row with the others given.
void expect_support(const Dataset& data, const std::vector<std::int64_t>& support,
                    const std::set<std::int64_t>& others) {
  const int shots = few_draws().shots;
  EXPECT_EQ(std::set<std::int64_t>(support.begin(), support.end()).size(),
            static_cast<std::size_t>(shots * data.num_classes()));
  std::vector<int> counts(static_cast<std::size_t>(data.num_classes()), 0);
  for (const std::int64_t row : support) {
    EXPECT_LT(row, data.first_test_row);
    EXPECT_FALSE(others.contains(row));
    ++counts[static_cast<std::size_t>(data.labels[static_cast<std::size_t>(row)])];
  }
  EXPECT_EQ(counts, std::vector<int>(counts.size(), shots));
}

std::set<std::int64_t> set_of(const std::vector<std::int64_t>& rows) {
  return {rows.begin(), rows.end()};
}

TEST(Draws, RolesNeverOverlapAndClassesAreBalanced) {
  const Dataset data = with_test_rows(gaussian_dataset(301, 4, 3, 1), 9);
  const Draws draws = make_draws(data, few_draws());
  const std::set<std::int64_t> test = set_of(draws.test_rows);
  EXPECT_EQ(test.size(), draws.test_rows.size());
  EXPECT_EQ(std::ssize(test), data.num_rows() - data.first_test_row);
  EXPECT_GE(*test.begin(), data.first_test_row);
  const std::size_t num_folds = draws.validation_rows.size();
  ASSERT_EQ(draws.validation_supports.size(), 10 * num_folds);
  for (std::size_t v = 0; v < draws.validation_supports.size(); ++v) {
    expect_support(data, draws.validation_supports[v],
                   set_of(draws.validation_rows[v % num_folds]));
  }
  ASSERT_EQ(draws.test_supports.size(), 20u);
  for (const auto& support : draws.test_supports) {
    expect_support(data, support, set_of(draws.validation_rows[0]));
  }
  EXPECT_NE(draws.test_supports[0], draws.test_supports[1]);
  EXPECT_NE(draws.test_supports[0], draws.validation_supports[0]);
}

TEST(Draws, FewRowsValidateInTurnAndManyOnce) {
  const Dataset few = with_test_rows(gaussian_dataset(301, 4, 3, 1), 9);
  const Draws draws = make_draws(few, few_draws());
  ASSERT_EQ(draws.validation_rows.size(), 5u);
  std::set<std::int64_t> all;
  for (const auto& rows : draws.validation_rows) {
    EXPECT_EQ(rows.size(), draws.validation_rows[0].size());
    all.insert(rows.begin(), rows.end());
  }
  // Every row once, but for what five does not divide: at most four of each class.
  EXPECT_EQ(all.size(), 5 * draws.validation_rows[0].size());
  EXPECT_GE(std::ssize(all), few.first_test_row - 3 * 4);
  EXPECT_LT(*all.rbegin(), few.first_test_row);

  const auto num_rows = static_cast<int>(5 * kEnoughValidationRows);
  Dataset many = gaussian_dataset(num_rows + 10, 2, 2, 1);
  many.first_test_row = num_rows;
  EXPECT_EQ(make_draws(many, few_draws()).validation_rows.size(), 1u);
  EXPECT_EQ(make_draws(many, few_draws()).validation_supports.size(), 10u);
  many.first_test_row = num_rows - 1;
  EXPECT_EQ(make_draws(many, few_draws()).validation_rows.size(), 5u);
}

TEST(Draws, AClassOfFewRowsStillValidates) {
  Dataset data = gaussian_dataset(60, 4, 2, 1);
  for (std::int64_t row = 0; row < 60; ++row) data.labels[static_cast<std::size_t>(row)] = row >= 3;
  data.first_test_row = 40;
  DrawOptions options = few_draws();
  options.shots = 2;
  const Draws draws = make_draws(data, options);  // three rows of class 0, two labelled
  for (std::size_t v = 0; v < draws.validation_supports.size(); ++v) {
    const auto& query = draws.validation_rows[v % 5];
    EXPECT_EQ(std::ranges::count_if(query, [](std::int64_t row) { return row < 3; }), 1);
    for (const std::int64_t row : draws.validation_supports[v]) {
      EXPECT_EQ(std::ranges::count(query, row), 0);
    }
  }
}

TEST(Draws, AllLabelsAreOneDraw) {
  const Dataset data = with_test_rows(gaussian_dataset(400, 4, 3, 3), 1);
  DrawOptions options;
  options.shots = kAllShots;
  const Draws draws = make_draws(data, options);
  ASSERT_EQ(draws.test_supports.size(), 1u);
  ASSERT_EQ(draws.validation_supports.size(), 1u);
  ASSERT_EQ(draws.validation_rows.size(), 1u);
  std::vector<std::int64_t> support = draws.test_supports[0];
  std::ranges::sort(support);
  ASSERT_EQ(std::ssize(support), data.first_test_row);
  for (std::size_t n = 0; n < support.size(); ++n)
    EXPECT_EQ(support[n], static_cast<std::int64_t>(n));
  std::vector<std::int64_t> both = draws.validation_supports[0];
  both.insert(both.end(), draws.validation_rows[0].begin(), draws.validation_rows[0].end());
  std::ranges::sort(both);
  EXPECT_EQ(both, support);  // what validates is not learned from
}

TEST(Draws, CapsAndOfficialTestRows) {
  Dataset data = gaussian_dataset(300, 4, 3, 1);
  data.first_test_row = 200;
  EXPECT_EQ(with_test_rows(data, 1).first_test_row, 200);
  DrawOptions options = few_draws();
  options.max_test_rows = 30;
  options.max_validation_rows = 15;
  const Draws draws = make_draws(data, options);
  EXPECT_EQ(draws.test_rows.size(), 30u);
  EXPECT_GE(draws.test_rows.front(), 200);
  for (const auto& rows : draws.validation_rows) EXPECT_LE(rows.size(), 15u);
}

TEST(Draws, TheSeededSplitKeepsRowsWithTheirLabels) {
  const Dataset data = gaussian_dataset(100, 4, 4, 1);
  const Dataset split = with_test_rows(data, 7);
  EXPECT_EQ(split.num_rows() - split.first_test_row, 20);
  std::vector<std::pair<std::vector<float>, int>> before, after;
  for (const auto& [from, to] : {std::pair{&data, &before}, std::pair{&split, &after}}) {
    for (std::int64_t n = 0; n < 100; ++n) {
      std::vector<float> row(4);
      from->read_rows(n, 1, row);
      to->emplace_back(row, from->labels[static_cast<std::size_t>(n)]);
    }
    std::ranges::sort(*to);
  }
  EXPECT_EQ(before, after);
  std::vector<float> block(400);
  split.read_rows(0, 100, block);
  std::vector<float> row(4);
  split.read_rows(73, 1, row);
  EXPECT_TRUE(std::equal(row.begin(), row.end(), block.begin() + 73 * 4));
}

TEST(Draws, TextIsSplitToo) {
  Dataset data;
  data.name = "words";
  data.kind = DataKind::kText;
  auto documents = std::make_shared<Documents>();
  documents->words = {"a", "b"};
  documents->starts = {0};
  for (int n = 0; n < 20; ++n) {
    documents->word_ids.insert(documents->word_ids.end(), static_cast<std::size_t>(n % 2 + 1),
                               n % 2);
    documents->starts.push_back(static_cast<std::int64_t>(documents->word_ids.size()));
    data.labels.push_back(n % 2);
  }
  data.documents = documents;
  data.num_documents = 20;
  data.class_names = {"short", "long"};
  data.first_test_row = 20;
  const Dataset split = with_test_rows(data, 1);
  EXPECT_EQ(split.first_test_row, 16);
  for (std::size_t n = 0; n < 20; ++n) {
    const auto first = static_cast<std::size_t>(split.documents->starts[n]);
    EXPECT_EQ(split.documents->starts[n + 1] - split.documents->starts[n], split.labels[n] + 1);
    EXPECT_EQ(split.documents->word_ids[first], split.labels[n]);
  }
}

TEST(Draws, RowsWithoutALabelAreLearnedFromAndNeverDrawn) {
  Dataset data = gaussian_dataset(120, 4, 3, 5);
  for (std::size_t n = 0; n < 120; n += 2) data.labels[n] = kNoLabel;
  const Dataset split = with_test_rows(data, 1);
  EXPECT_EQ(split.num_rows(), 120);
  EXPECT_EQ(split.first_test_row, 120 - 12);  // a fifth of the 60 rows with a label
  EXPECT_EQ(std::ranges::count(split.labels, kNoLabel), 60);
  const Draws draws = make_draws(split, few_draws());
  const auto all_labelled = [&](const std::vector<std::int64_t>& rows) {
    return std::ranges::all_of(
        rows, [&](std::int64_t row) { return split.labels[static_cast<std::size_t>(row)] >= 0; });
  };
  EXPECT_EQ(draws.test_rows.size(), 12u);
  EXPECT_TRUE(all_labelled(draws.test_rows));
  for (const auto& rows : draws.validation_rows) EXPECT_TRUE(all_labelled(rows));
  for (const auto& rows : draws.test_supports) EXPECT_TRUE(all_labelled(rows));

  // Official test rows without a label are passed over.
  Dataset official = gaussian_dataset(120, 4, 3, 5);
  official.first_test_row = 90;
  official.labels[100] = official.labels[119] = kNoLabel;
  EXPECT_EQ(make_draws(official, few_draws()).test_rows.size(), 28u);
}

TEST(Draws, WhatIsMissingIsSaid) {
  Dataset data = gaussian_dataset(30, 4, 3, 1);
  DrawOptions options = few_draws();
  options.shots = 8;
  const std::string few = error_line([&] { make_draws(with_test_rows(data, 1), options); });
  EXPECT_NE(few.find("at least 8 training rows"), std::string::npos) << few;
  EXPECT_NE(few.find("found 7 of class 'class 0'"), std::string::npos) << few;
  data.labels.clear();
  data.class_names.clear();
  EXPECT_NE(error_line([&] { with_test_rows(data, 1); }).find("expected labels"),
            std::string::npos);
  EXPECT_NE(error_line([&] { with_test_rows(gaussian_dataset(9, 2, 1, 1), 1); }).find("2 classes"),
            std::string::npos);
}

}  // namespace
}  // namespace metaplastic
