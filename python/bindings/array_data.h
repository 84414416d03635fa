// What Python calls data, as data sets: a SPEC of the command line, or anything NumPy can read.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string>
#include <vector>

#include "data/preprocess.h"

namespace metaplastic::python {

// The one way in, for training and for embedding. Other objects than str go through
// metaplastic.arrays.as_array: [rows, columns] is a table, [rows, height, width] and [rows, height,
// width, channels] are images (white as for `--data npy:`). kind = "signal" makes [rows, time] and
// [rows, time, channels] signals; "table" and "image" insist on what the dimensions say. Without a
// kind an array is of the kind of `fitted` where that is signals; flat rows then have its shape.
// `columns` names the columns of an array; a data frame brings names. With an encoder's `fitted`
// preprocessing the columns of a table have its names: those of the data where it has names too,
// else by position. Throws Error for other shapes and types. The data set owns what it reads.
Dataset make_dataset(const pybind11::object& data,
                     const std::optional<std::vector<std::string>>& columns,
                     const Preprocess* fitted = nullptr,
                     const std::optional<std::string>& kind = std::nullopt);

}  // namespace metaplastic::python
