// The content of a tensor file as values of Python's, for pickles: metadata, and arrays by name.
#pragma once

#include <pybind11/pybind11.h>

#include "io/safetensors.h"

namespace metaplastic::python {

// Of a file of float32 tensors.
pybind11::tuple tensors_to_python(const TensorFile& file);
// Throws Error for what is not such a tuple.
TensorFile tensors_from_python(const pybind11::tuple& state);

}  // namespace metaplastic::python
