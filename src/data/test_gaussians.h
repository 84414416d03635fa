// Tests only: tables of Gaussian clusters, whose best accuracy is known.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "data/dataset.h"

namespace metaplastic {

// Row n is of class n % num_classes: a centre of norm about `separation` per class plus unit noise,
// [num_rows, num_features]. separation 0 makes labels that nothing tells. No test rows.
inline Dataset gaussian_dataset(int num_rows, int num_features, int num_classes, float separation,
                                std::uint64_t seed = 1) {
  Random random(seed, Purpose::kTest);
  std::vector<std::vector<float>> centres(static_cast<std::size_t>(num_classes));
  const float spread = separation / std::sqrt(static_cast<float>(num_features));
  for (auto& centre : centres) {
    for (int u = 0; u < num_features; ++u) centre.push_back(spread * random.normal());
  }
  Dataset data;
  std::vector<float> values;
  for (int n = 0; n < num_rows; ++n) {
    data.labels.push_back(n % num_classes);
    for (const float mean : centres[static_cast<std::size_t>(n % num_classes)]) {
      values.push_back(mean + random.normal());
    }
  }
  for (int y = 0; y < num_classes; ++y) data.class_names.push_back("class " + std::to_string(y));
  for (int u = 0; u < num_features; ++u) data.column_names.push_back("column " + std::to_string(u));
  data.name = "gaussians";
  data.kind = DataKind::kTable;
  data.rows = rows_of(std::move(values), num_features);
  data.first_test_row = num_rows;
  return data;
}

}  // namespace metaplastic
