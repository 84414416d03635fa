// NumPy arrays as data sets, read where they lie: no copy of a memory-mapped or strided array.
#pragma once

#include <pybind11/numpy.h>

#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace metaplastic::python {

// A data set over an array of float32, float64 or uint8: [rows, columns] is a table, [rows, height,
// width] and [rows, height, width, channels] are images (white is 1, or 255 for uint8), as for
// `--data npy:`. The array must outlive the data set. Throws Error for other shapes and types.
// `columns` names the columns of a table; without it they are "0", "1", ..
Dataset array_dataset(const pybind11::array& array,
                      std::optional<std::vector<std::string>> columns);

// What Python calls data: a SPEC in the notation of the command line, or an array.
Dataset make_dataset(const pybind11::object& data, std::optional<std::vector<std::string>> columns);

}  // namespace metaplastic::python
