// Predicted classes of rows, and their file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "apply/encoder.h"

namespace metaplastic {

struct RowPredictions {
  std::vector<std::int64_t> rows;    // numbers in the data set, from 0
  std::vector<int> classes;          // [n], the most probable class; ties: the first
  std::vector<float> probabilities;  // [n,Y]
};

// Of the given prepared rows, ascending. The encoder has a classifier. should_stop may be empty.
RowPredictions predict_rows(const Encoder& encoder, const RowSource& prepared,
                            std::vector<std::int64_t> rows,
                            const std::function<bool()>& should_stop = {});

// CSV: "row,class,p(CLASS),..", one line per row; names with commas or quotes are quoted.
std::string predictions_csv(const RowPredictions& predictions,
                            const std::vector<std::string>& class_names);

}  // namespace metaplastic
