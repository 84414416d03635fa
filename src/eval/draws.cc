#include "eval/draws.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "base/sample.h"
#include "base/text.h"
#include "data/dataset_rows.h"

namespace metaplastic {
namespace {

// Streams of Purpose::kEvaluation; test draw t is stream t itself.
constexpr std::uint64_t kValidationDraws = std::uint64_t{1} << 32;
constexpr std::uint64_t kPoolSplit = std::uint64_t{2} << 32;
constexpr std::uint64_t kTestRows = std::uint64_t{3} << 32;
constexpr std::uint64_t kTestSplit = std::uint64_t{4} << 32;
constexpr std::int64_t kHeldOutPart = 5;  // a fifth of each class validates, or tests

using Rows = std::vector<std::int64_t>;

// Rows first .. last-1 by class, ascending.
std::vector<Rows> rows_by_class(const Dataset& data, std::int64_t first, std::int64_t last) {
  std::vector<Rows> classes(static_cast<std::size_t>(data.num_classes()));
  for (std::int64_t row = first; row < last; ++row) {
    const int label = data.labels[static_cast<std::size_t>(row)];
    if (label != kNoLabel) classes[static_cast<std::size_t>(label)].push_back(row);
  }
  return classes;
}

void require_labels(const Dataset& data) {
  const std::string name = printable(data.name, 200);
  if (!data.unusable_labels.empty()) fail("{}", data.unusable_labels);
  if (data.labels.empty()) {
    fail("{}: expected labels to evaluate with, found none; name a label column, file or folders",
         name);
  }
  if (data.num_classes() < 2) {
    fail("{}: expected at least 2 classes to evaluate with, found {}; use other labels", name,
         data.num_classes());
  }
}

std::int64_t held_out_of(const Rows& rows) {
  return std::max<std::int64_t>(1, std::ssize(rows) / kHeldOutPart);
}

// The training rows of every class in an order of the seed; Error where a class has too few.
std::vector<Rows> shuffled_classes(const Dataset& data, const DrawOptions& options) {
  std::vector<Rows> classes = rows_by_class(data, 0, data.first_test_row);
  for (std::size_t y = 0; y < classes.size(); ++y) {
    const std::int64_t num_left = std::ssize(classes[y]) - held_out_of(classes[y]);
    if (num_left < std::max(1, options.shots)) {
      fail(
          "{}: expected at least {} training rows of every class besides those that validate, "
          "found {} of class {}; use fewer shots or more data",
          printable(data.name, 200), std::max(1, options.shots),
          std::max<std::int64_t>(0, num_left), quote_text(data.class_names[y]));
    }
    Random random(options.seed, Purpose::kEvaluation, kPoolSplit + y);
    random.shuffle(std::span<std::int64_t>(classes[y]));
  }
  return classes;
}

// Takes fold f of every class, counted from its end, out of the pool and returns those that
// validate: under a cap every class keeps its share, and at least one row. A class with fewer rows
// than folds begins again at its first.
Rows take_fold(std::vector<Rows>& pool, int f, std::int64_t num_labelled,
               const DrawOptions& options) {
  Rows validation;
  for (Rows& rows : pool) {
    const std::int64_t num_rows = std::ssize(rows), held_out = held_out_of(rows);
    const std::int64_t cap = std::max<std::int64_t>(
        1, options.max_validation_rows * num_rows / std::max<std::int64_t>(1, num_labelled));
    const auto first = rows.end() - (f % (num_rows / held_out) + 1) * held_out;
    validation.insert(validation.end(), first, first + std::min(held_out, cap));
    rows.erase(first, first + held_out);
  }
  return validation;
}

Rows draw_support(const std::vector<Rows>& pool, const DrawOptions& options, std::uint64_t draw) {
  Random random(options.seed, Purpose::kEvaluation, draw);
  Rows support;
  for (const Rows& rows : pool) {
    if (options.shots == kAllShots) {
      support.insert(support.end(), rows.begin(), rows.end());
      continue;
    }
    for (const std::int64_t at : sample_without_replacement(
             random, static_cast<std::int64_t>(rows.size()), options.shots)) {
      support.push_back(rows[static_cast<std::size_t>(at)]);
    }
  }
  return support;
}

std::shared_ptr<const Documents> reorder(const Dataset& data, const Rows& order) {
  const Documents& from = *data.documents;
  auto to = std::make_shared<Documents>();
  to->words = from.words;
  to->starts.push_back(0);
  for (const std::int64_t row : order) {
    const auto document = static_cast<std::size_t>(data.first_document + row);
    to->word_ids.insert(to->word_ids.end(), from.word_ids.begin() + from.starts[document],
                        from.word_ids.begin() + from.starts[document + 1]);
    to->starts.push_back(static_cast<std::int64_t>(to->word_ids.size()));
  }
  return to;
}

}  // namespace

Draws make_draws(const Dataset& data, const DrawOptions& options) {
  METAPLASTIC_CHECK(options.shots >= 0 && options.trials >= 1 && options.num_validation_draws >= 1);
  require_labels(data);
  if (!data.has_test_rows()) {
    fail("{}: expected test rows, found none; use data with more rows", printable(data.name, 200));
  }
  const std::vector<Rows> classes = shuffled_classes(data, options);
  std::int64_t num_held_out = 0, num_labelled = 0;
  for (const Rows& rows : classes) {
    num_held_out += held_out_of(rows);
    num_labelled += std::ssize(rows);
  }
  const bool all = options.shots == kAllShots;
  const int num_folds = num_held_out < kEnoughValidationRows && !all ? kHeldOutPart : 1;
  Draws draws;
  std::vector<std::vector<Rows>> pools;
  for (int f = 0; f < num_folds; ++f) {
    pools.push_back(classes);
    draws.validation_rows.push_back(take_fold(pools.back(), f, num_labelled, options));
  }
  Random random(options.seed, Purpose::kEvaluation, kTestRows);
  const Rows labelled = labelled_test_rows(data);
  if (labelled.empty()) {
    fail("{}: expected test rows with a label, found none; use data with labels there",
         printable(data.name, 200));
  }
  draws.test_rows = sorted_sample(random, std::ssize(labelled), options.max_test_rows);
  for (std::int64_t& row : draws.test_rows) row = labelled[static_cast<std::size_t>(row)];
  for (int v = 0; v < (all ? 1 : options.num_validation_draws * num_folds); ++v) {
    draws.validation_supports.push_back(
        draw_support(pools[static_cast<std::size_t>(v % num_folds)], options,
                     kValidationDraws + static_cast<std::uint64_t>(v)));
  }
  if (all) draws.test_supports.push_back(draw_support(classes, options, 0));
  for (int t = 0; t < (all ? 0 : options.trials); ++t) {
    draws.test_supports.push_back(draw_support(pools[0], options, static_cast<std::uint64_t>(t)));
  }
  return draws;
}

Rows labelled_test_rows(const Dataset& data) {
  Rows rows;
  for (std::int64_t row = data.first_test_row; row < data.num_rows(); ++row) {
    if (data.labels[static_cast<std::size_t>(row)] != kNoLabel) rows.push_back(row);
  }
  return rows;
}

Dataset with_test_rows(const Dataset& data, std::uint64_t seed) {
  require_labels(data);
  if (data.has_test_rows()) return data;
  Rows train, test;
  for (std::int64_t row = 0; row < data.num_rows(); ++row) {
    if (data.labels[static_cast<std::size_t>(row)] == kNoLabel) train.push_back(row);
  }
  std::vector<Rows> classes = rows_by_class(data, 0, data.num_rows());
  for (std::size_t y = 0; y < classes.size(); ++y) {
    Random random(seed, Purpose::kEvaluation, kTestSplit + y);
    random.shuffle(std::span<std::int64_t>(classes[y]));
    const auto num_rows = static_cast<std::int64_t>(classes[y].size());
    const auto middle =
        classes[y].end() - std::min(num_rows, std::max<std::int64_t>(1, num_rows / kHeldOutPart));
    train.insert(train.end(), classes[y].begin(), middle);
    test.insert(test.end(), middle, classes[y].end());
  }
  std::ranges::sort(train);
  std::ranges::sort(test);
  auto order = std::make_shared<Rows>(std::move(train));
  Dataset split = data;
  split.first_test_row = static_cast<std::int64_t>(order->size());
  order->insert(order->end(), test.begin(), test.end());
  for (std::size_t n = 0; n < order->size(); ++n) {
    split.labels[n] = data.labels[static_cast<std::size_t>((*order)[n])];
  }
  if (data.kind == DataKind::kText) {
    split.documents = reorder(data, *order);
    split.first_document = 0;
  } else {
    split.rows = std::make_shared<PickedRows>(data.rows, order);
  }
  return split;
}

}  // namespace metaplastic
