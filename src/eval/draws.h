// Which rows are labelled, validated on and tested on: decided once, shared by all methods.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace metaplastic {

struct DrawOptions {
  int shots = 10;   // labelled rows per class and draw
  int trials = 50;  // test draws
  int num_validation_draws = 10;
  std::int64_t max_test_rows = 10000;
  std::int64_t max_validation_rows = 5000;
  std::uint64_t seed = 0;
};

// Row numbers of the data set. Supports come from a pool that holds neither validation nor test
// rows; each lists its rows class by class, `shots` of each.
struct Draws {
  std::vector<std::int64_t> test_rows;
  std::vector<std::int64_t> validation_rows;
  std::vector<std::vector<std::int64_t>> validation_supports;  // [num_validation_draws]
  std::vector<std::vector<std::int64_t>> test_supports;        // [trials]
};

// A function of labels and options. The pool: training rows less a fifth, class by class, that
// validates. Throws Error when there are no labels, one class only, no test rows, or a class with
// fewer than `shots` rows in the pool.
Draws make_draws(const Dataset& data, const DrawOptions& options);

// The data with its official test rows, or, where there are none, with a fifth of each class
// (at least one row) moved behind the others as test rows. A function of the data and the seed.
Dataset with_test_rows(const Dataset& data, std::uint64_t seed);

}  // namespace metaplastic
