// Labelled rows, and how cross-validation deals them into folds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace metaplastic {

// Prepared rows whose labels are known; every class has at least one.
struct LabelledRows {
  std::vector<float> rows;  // [n,U_0]
  std::vector<int> labels;  // [n] in 0..class_names.size()-1
  std::vector<std::string> class_names;

  std::size_t num_rows() const { return labels.size(); }
  std::size_t num_classes() const { return class_names.size(); }
};

// Throws Error for fewer than two classes.
void check_labelled(const LabelledRows& labelled);

struct FewLabelOptions {
  int folds = 5;                 // stratified; fewer where there are fewer rows, at least 2
  int repeats = 3;               // of the whole cross-validation, with other folds
  std::int64_t max_rows = 2000;  // that cross-validation looks at; all rows fit the classifier
  std::uint64_t seed = 0;
};

// Fold of each row that takes part, by repeat; -1: does not take part.
struct Folds {
  int num_folds = 0;
  std::vector<std::vector<int>> of_row;  // [repeats][n]
  std::vector<std::int64_t> rows;        // that take part, ascending
};

// Classes keep their shares, under the cap as well, and in every fold.
Folds make_folds(const LabelledRows& labelled, const FewLabelOptions& options);

}  // namespace metaplastic
