// Labelled rows in memory as the classes of a task: what families of the user's own data draw from.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "tasks/task_family.h"

namespace metaplastic {

struct ClassTable {
  // Fewer rows are too few for a class: the probe is fitted on one half and judged on the other.
  static constexpr int kMinRows = 4;

  int num_inputs = 0;
  std::vector<float> rows;                      // [N,U]
  std::vector<std::vector<int>> rows_of_class;  // numbers of rows
};

// The rows as `apply` would prepare them, without classes: tables are standardised, images of more
// than image_side pixels are shrunk to it. Throws Error.
ClassTable table_of(const Dataset& data, int image_side);

// num_classes of the table's classes, drawn by `random`.
std::unique_ptr<ClassSet> draw_from_table(std::shared_ptr<const ClassTable> table, int num_classes,
                                          Random& random);

}  // namespace metaplastic
