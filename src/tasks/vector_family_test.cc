// Generated tables and bags of words, by themselves and as tasks.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tasks/table_family.h"
#include "tasks/task.h"
#include "tasks/word_family.h"

namespace metaplastic {
namespace {

std::vector<float> draw(const ClassSet& classes, int c, int n) {
  Random random(2, Purpose::kTest);
  std::vector<float> out(static_cast<std::size_t>(classes.num_inputs()));
  classes.instance(c, n, random, out);
  return out;
}

std::vector<std::unique_ptr<ClassSet>> one_of_each(std::uint64_t task) {
  std::vector<std::unique_ptr<ClassSet>> sets;
  for (const Split split : {Split::kTrain, Split::kValidation}) {
    for (const TableShape shape : table_shapes(split)) {
      Random random(3, Purpose::kTest, task);
      sets.push_back(TableFamily(30, 60).draw_classes(shape, 5, random));
    }
    for (const WordModel model : word_models(split)) {
      Random random(3, Purpose::kTest, task);
      sets.push_back(WordFamily(30, 60).draw_classes(model, 5, random));
    }
  }
  return sets;
}

TEST(VectorFamilies, InstancesAreFunctionsOfTheirNames) {
  const auto sets = one_of_each(0), same = one_of_each(0), others = one_of_each(1);
  ASSERT_EQ(sets.size(), 11u);
  for (std::size_t s = 0; s < sets.size(); ++s) {
    EXPECT_EQ(sets[s]->num_classes(), 5);
    EXPECT_GE(sets[s]->num_instances(0), 1000);
    const std::vector<float> first = draw(*sets[s], 2, 7);
    EXPECT_EQ(first, draw(*same[s], 2, 7));
    EXPECT_NE(first, draw(*sets[s], 2, 8));
    EXPECT_NE(first, draw(*sets[s], 3, 7));
    EXPECT_NE(first, draw(*others[s], 2, 7));
  }
}

TEST(VectorFamilies, HeldOutGeneratorsNeverReachMetaTraining) {
  const auto disjoint = [](auto train, auto validation) {
    for (const auto kind : validation) EXPECT_EQ(std::ranges::count(train, kind), 0);
    EXPECT_GE(train.size(), 2u);
    EXPECT_GE(validation.size(), 2u);
  };
  disjoint(table_shapes(Split::kTrain), table_shapes(Split::kValidation));
  disjoint(word_models(Split::kTrain), word_models(Split::kValidation));
  // What a split draws is what a generator of its list gives with the rest of the stream.
  const TableFamily tables(20, 50);
  const WordFamily words(20, 50);
  for (const Split split : {Split::kTrain, Split::kValidation}) {
    std::set<std::size_t> seen;
    for (std::uint64_t task = 0; task < 40; ++task) {
      Random random(1, Purpose::kTest, task), again(1, Purpose::kTest, task);
      const auto drawn = tables.draw_classes(split, 3, random);
      const auto shapes = table_shapes(split);
      const std::size_t chosen = again.below(static_cast<std::uint32_t>(shapes.size()));
      seen.insert(chosen);
      EXPECT_EQ(draw(*drawn, 1, 1), draw(*tables.draw_classes(shapes[chosen], 3, again), 1, 1));
    }
    EXPECT_EQ(seen.size(), table_shapes(split).size());
    for (std::uint64_t task = 0; task < 40; ++task) {
      Random random(1, Purpose::kTest, task), again(1, Purpose::kTest, task);
      const auto drawn = words.draw_classes(split, 3, random);
      const auto models = word_models(split);
      const WordModel model = models[again.below(static_cast<std::uint32_t>(models.size()))];
      EXPECT_EQ(draw(*drawn, 1, 1), draw(*words.draw_classes(model, 3, again), 1, 1));
    }
  }
}

TEST(VectorFamilies, ColumnsAreStandardised) {
  for (std::uint64_t task = 0; task < 12; ++task) {
    Random random(5, Purpose::kTest, task);
    const auto classes = TableFamily(40, 40).draw_classes(Split::kTrain, 4, random);
    std::vector<double> sum(40), square(40);
    constexpr int kRows = 400;
    for (int n = 0; n < kRows; ++n) {
      const std::vector<float> row = draw(*classes, n % 4, n);
      for (std::size_t u = 0; u < 40; ++u) {
        ASSERT_TRUE(std::isfinite(row[u]));
        sum[u] += double{row[u]} / kRows;
        square[u] += double{row[u]} * row[u] / kRows;
      }
    }
    int num_near = 0;
    for (std::size_t u = 0; u < 40; ++u) {
      // Two samples of a few hundred, of which tails may be heavy.
      EXPECT_LT(std::abs(sum[u]), 1) << u;
      num_near += square[u] > 0.5 && square[u] < 2;
    }
    EXPECT_GE(num_near, 34);
  }
}

TEST(VectorFamilies, DocumentsAreSparseAndOfLengthOne) {
  for (std::uint64_t task = 0; task < 12; ++task) {
    Random random(6, Purpose::kTest, task);
    const auto classes = WordFamily(300, 300).draw_classes(Split::kTrain, 4, random);
    double zeros = 0, head = 0, tail = 0;
    for (int n = 0; n < 100; ++n) {
      double square = 0;
      const std::vector<float> row = draw(*classes, n % 4, n);
      for (std::size_t u = 0; u < row.size(); ++u) {
        ASSERT_GE(row[u], 0);
        square += double{row[u]} * row[u];
        zeros += row[u] == 0;
        (u < 150 ? head : tail) += double{row[u]};
      }
      EXPECT_NEAR(square, 1, 300 * 1.2e-7);
    }
    EXPECT_GT(zeros / (100 * 300), 0.5);
    EXPECT_GT(head, 1.2 * tail);  // words come in the order of their frequency
  }
}

TaskConfig only(float tables, float words) {
  TaskConfig config;
  config.weight("glyphs") = config.weight("fields") = 0;
  config.weight("tables") = tables;
  config.weight("words") = words;
  config.augment.augmented_share = 1;
  return config;
}

TEST(VectorFamilies, TasksHaveTheirOwnWidthAndNoAugmentation) {
  const TaskDistribution distribution(only(1, 1));
  EXPECT_EQ(distribution.describe().size(), 2u);
  std::set<int> widths;
  std::set<std::string> families;
  TaskBatch batch;
  for (std::uint64_t index = 0; index < 60; ++index) {
    const Task task = distribution.make_task(1, index, Split::kTrain);
    widths.insert(task.num_inputs());
    families.insert(task.family());
    EXPECT_EQ(task.num_targets(), 0);
    task.draw_batch(Purpose::kInnerBatch, 0, 9, batch);
    EXPECT_EQ(batch.num_inputs, task.num_inputs());
    EXPECT_EQ(batch.x.size(), 9u * static_cast<std::size_t>(task.num_inputs()));
    EXPECT_TRUE(std::ranges::all_of(batch.x, [](float v) { return std::isfinite(v); }));
  }
  EXPECT_EQ(families, (std::set<std::string>{"tables", "words"}));
  EXPECT_GE(*widths.begin(), 16);
  EXPECT_LE(*widths.rbegin(), 400);
  EXPECT_LT(*widths.begin(), 40);
  EXPECT_GT(*widths.rbegin(), 200);
}

TEST(TaskDistribution, WordsMayBeMoreThanOtherInputs) {
  TaskConfig config = only(1, 1);
  config.max_inputs = 40;
  config.min_words = 300, config.max_words = 600;
  const TaskDistribution tasks(config);
  for (std::uint64_t index = 0; index < 20; ++index) {
    const Task task = tasks.make_task(1, index, Split::kTrain);
    const bool is_text = task.family() == "words";
    EXPECT_GE(task.num_inputs(), is_text ? 300 : 16);
    EXPECT_LE(task.num_inputs(), is_text ? 600 : 40);
  }
  config.max_words = 200;
  EXPECT_THROW(TaskDistribution{config}, Error);
}

// Share of queries whose nearest of 10 labelled examples per class is of their class.
double neighbour_accuracy(const Task& task) {
  TaskBatch support, query;
  const auto B = static_cast<std::size_t>(10 * task.num_classes());
  const auto U = static_cast<std::size_t>(task.num_inputs());
  task.draw_batch(Purpose::kSupport, 0, static_cast<int>(B), support);
  task.draw_batch(Purpose::kQuery, 0, static_cast<int>(B), query);
  int num_right = 0;
  for (std::size_t q = 0; q < B; ++q) {
    double least = 1e30;
    int label = -1;
    for (std::size_t b = 0; b < B; ++b) {
      double square = 0;
      for (std::size_t u = 0; u < U; ++u) {
        square += std::pow(query.x[u * B + q] - support.x[u * B + b], 2);
      }
      if (square < least) least = square, label = support.labels[b];
    }
    num_right += label == query.labels[q];
  }
  return static_cast<double>(num_right) / static_cast<double>(B);
}

TEST(VectorFamilies, TasksAreInformativeButNotTrivial) {
  for (const bool tables : {true, false}) {
    TaskConfig config = only(tables ? 1.0f : 0.0f, tables ? 0.0f : 1.0f);
    config.min_classes = config.max_classes = 5;
    const TaskDistribution distribution(config);
    for (const Split split : {Split::kTrain, Split::kValidation}) {
      double mean = 0;
      int num_perfect = 0, num_blind = 0;
      for (std::uint64_t index = 0; index < 24; ++index) {
        const double accuracy = neighbour_accuracy(distribution.make_task(5, index, split));
        mean += accuracy / 24;
        num_perfect += accuracy > 0.98;
        num_blind += accuracy < 0.25;
      }
      EXPECT_GT(mean, 0.4);  // chance is 0.2
      EXPECT_LT(mean, 0.9);
      EXPECT_LE(num_perfect, 6);
      EXPECT_LE(num_blind, 8);
    }
  }
}

}  // namespace
}  // namespace metaplastic
