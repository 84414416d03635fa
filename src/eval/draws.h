// Which rows are labelled, validated on and tested on: decided once, shared by all methods.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace metaplastic {

// Every label: one validation draw of all rows that do not validate, one test draw of all training
// rows.
inline constexpr int kAllShots = 0;

struct DrawOptions {
  int shots = 10;                 // labelled rows per class and draw, or kAllShots
  int trials = 50;                // test draws
  int num_validation_draws = 10;  // by each set of validation rows
  std::int64_t max_test_rows = 10000;
  std::int64_t max_validation_rows = 5000;
  std::uint64_t seed = 0;
};

// Where a fifth of the training rows is fewer than this, all fifths validate in turn.
inline constexpr std::int64_t kEnoughValidationRows = 1000;

// Row numbers of the data set. A draw's support holds no row of its query and no test row; it lists
// its rows class by class, `shots` of each.
struct Draws {
  std::vector<std::int64_t> test_rows;
  // The query rows of validation: one list, or five that share no row (but of classes with fewer
  // than five).
  std::vector<std::vector<std::int64_t>> validation_rows;
  // Validation draw v has the query validation_rows[v % validation_rows.size()];
  // [num_validation_draws * validation_rows.size()].
  std::vector<std::vector<std::int64_t>> validation_supports;
  std::vector<std::vector<std::int64_t>> test_supports;  // [trials]
};

// A function of labels and options; rows without a label are in none of the lists. A fifth of the
// training rows, class by class, validates, and
// the others are the pool that supports come from. Where that fifth is fewer than
// kEnoughValidationRows rows, the validation draws go through all five fifths: a choice among a
// hundred settings by thirty rows is one of their noise. Supports of test draws always leave out
// the first fifth. Throws Error when there are no labels, one class only, no test rows, or a class
// with fewer than `shots` rows in the pool.
Draws make_draws(const Dataset& data, const DrawOptions& options);

// The official test rows that have a label, ascending.
std::vector<std::int64_t> labelled_test_rows(const Dataset& data);

// The data with its official test rows, or, where there are none, with a fifth of each class
// (at least one row) moved behind the others as test rows; rows without a label stay training
// rows. A function of the data and the seed.
Dataset with_test_rows(const Dataset& data, std::uint64_t seed);

}  // namespace metaplastic
