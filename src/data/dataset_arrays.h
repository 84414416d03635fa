// What the forms npy, npz and idx share: arrays as rows, and arrays as labels of any type.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "data/dataset.h"
#include "io/npy.h"

namespace metaplastic {

// A table [rows, numbers], or images [rows, height, width] and [rows, height, width, channels].
// Throws Error for other shapes, and for strings.
Dataset array_dataset(NpyReader values);
// The same without its rows.
Dataset dataset_of_shape(const std::vector<std::int64_t>& shape, const std::string& source);

// Labels before they are numbered: strings, doubles or integers, or why there are none.
struct LabelValues {
  std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>> values;
  std::string unusable;  // an error line; "" for labels that can be used

  // Those of further rows; of another type, all become strings.
  void append(const LabelValues& more);
  void append_missing(std::int64_t count);
  // Numbers them (set_labels), or says in the data set why there are none.
  void set(Dataset& data, const std::string& source) const;
};

// An array [num_rows] or [num_rows, 1]. Throws Error where it is of another number of rows.
LabelValues read_labels(const NpyReader& labels, std::int64_t num_rows);
// The same of an array that may not be readable, which then is said in `unusable`.
LabelValues try_read_labels(const std::function<NpyReader()>& open, std::int64_t num_rows);

}  // namespace metaplastic
