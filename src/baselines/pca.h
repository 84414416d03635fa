// Principal components of the training rows, 16 to 128 of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "eval/method.h"

namespace metaplastic {

std::unique_ptr<FeatureMethod> pca_method();

// Projects on the components with the most variance, each divided by its deviation, so that
// Euclidean distances weigh them alike; a hundredth of the mean variance is added to each first.
class Whitening {
 public:
  // rows [N,num_inputs]; at most num_components, fewer where the data have fewer.
  Whitening(std::span<const float> rows, int num_inputs, int num_components);
  int num_components() const { return num_components_; }
  // rows [N,num_inputs] -> [N,num_components]
  std::vector<float> apply(std::span<const float> rows, std::int64_t num_rows) const;

 private:
  int num_inputs_, num_components_;
  std::vector<float> mean_;  // [num_inputs]
  std::vector<float> axes_;  // [num_inputs,num_components], scaled
};

}  // namespace metaplastic
