// A linear classifier of features: what the labels of a few rows add to an encoder.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace metaplastic {

// Probabilities are softmax(features W + b).
struct LinearClassifier {
  std::vector<float> W;                  // [F,Y]
  std::vector<float> b;                  // [Y]
  std::vector<std::string> class_names;  // [Y]

  int num_classes() const { return static_cast<int>(b.size()); }
  int num_features() const { return static_cast<int>(W.size() / b.size()); }
};

// features [N,F] -> probabilities [N,Y] that sum to 1. Computed in double, row by row: a row's
// result does not depend on the rows it comes with.
void class_probabilities(const LinearClassifier& classifier, std::span<const float> features,
                         std::int64_t num_rows, std::span<float> probabilities);

}  // namespace metaplastic
