#include <pybind11/stl.h>

#include "array_data.h"
#include "bindings.h"
#include "data/preprocess.h"
#include "tasks/task_forms.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

// Raw rows of a SPEC as float32 [N,U] or [N,H,W(,C)], labels or None, and what else is known.
py::tuple read_data(const std::string& spec) {
  Dataset data;
  std::vector<float> rows;
  {
    py::gil_scoped_release release;
    data = load_data(spec);
    if (data.kind != DataKind::kText) {
      rows = read_all_rows(data);
    } else {
      rows = apply_preprocess(fit_preprocess(data), data);
    }
  }
  const std::int64_t N = data.num_rows();
  std::vector<py::ssize_t> shape = {N, static_cast<py::ssize_t>(rows.size()) / N};
  if (data.kind == DataKind::kImage) {
    shape = {N, data.image.height, data.image.width};
    if (data.image.channels > 1) shape.push_back(data.image.channels);
  }
  py::array_t<float> X(shape);
  std::copy(rows.begin(), rows.end(), X.mutable_data());
  py::object y = py::none();
  if (!data.labels.empty()) {
    py::array_t<std::int64_t> labels(N);
    std::copy(data.labels.begin(), data.labels.end(), labels.mutable_data());
    y = labels;
  }
  py::dict info;
  info["kind"] = std::string(kind_name(data.kind));
  info["description"] = describe(data);
  info["class_names"] = data.class_names;
  info["column_names"] = data.column_names;
  info["first_test_row"] = data.first_test_row;
  info["pixel_max"] = data.kind == DataKind::kImage ? py::cast(data.pixel_max) : py::none();
  info["notes"] = data.notes;
  return py::make_tuple(X, y, info);
}

}  // namespace

void add_data(py::module_& module) { module.def("read_data", &read_data, py::arg("spec")); }

}  // namespace metaplastic::python
