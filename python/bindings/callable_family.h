// Task families that are callables of Python (metaplastic.families.TaskFamily), as the C++ knows
// families: any thread may draw from them, and takes the GIL meanwhile.
#pragma once

#include <pybind11/pybind11.h>

#include "tasks/supplied_families.h"
#include "tasks/task_config.h"

namespace metaplastic::python {

// Of a sequence of TaskFamily objects; the GIL must be held, now and when the last copy goes. Draws
// a first task of each split, one of them twice: the same seed must give the same rows. Throws
// Error.
SuppliedFamilies callable_families(const pybind11::sequence& families, const TaskConfig& config);

}  // namespace metaplastic::python
