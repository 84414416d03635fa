#include <pybind11/stl.h>

#include "array_data.h"
#include "bindings.h"
#include "data/preprocess.h"
#include "tasks/task_forms.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

template <class Value>
py::array matrix(const std::vector<py::ssize_t>& shape, const std::vector<Value>& values) {
  return py::array_t<Value>(shape, values.data());
}

// Raw rows of a SPEC as [N,U] or [N,H,W(,C)], labels or None, and what else is known. float32, but
// float64 for a table some column of which would lose its digits.
py::tuple read_data(const std::string& spec) {
  Dataset data;
  std::vector<float> rows;
  std::vector<double> wide;
  {
    const py::gil_scoped_release release;
    data = load_data(spec);
    if (data.kind == DataKind::kText) {
      rows = apply_preprocess(fit_preprocess(data), data);
    } else if (data.kind == DataKind::kTable && !column_offsets(data).empty()) {
      wide.resize(static_cast<std::size_t>(data.num_rows() * data.num_features()));
      data.read_wide_rows(0, data.num_rows(), wide);
    } else {
      rows = read_all_rows(data);
    }
  }
  const std::int64_t N = data.num_rows();
  std::vector<py::ssize_t> shape = {N, static_cast<py::ssize_t>(rows.size() + wide.size()) / N};
  if (data.kind == DataKind::kImage) {
    shape = {N, data.image.height, data.image.width};
    if (data.image.channels > 1) shape.push_back(data.image.channels);
  }
  if (data.kind == DataKind::kSignal) shape = {N, data.image.width, data.image.channels};
  const py::array X = wide.empty() ? matrix(shape, rows) : matrix(shape, wide);
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
  info["rate"] = data.sound ? py::cast(data.sound->rate) : py::none();
  if (!data.unusable_labels.empty()) data.notes.push_back(data.unusable_labels);
  info["notes"] = data.notes;
  return py::make_tuple(X, y, info);
}

}  // namespace

void add_data(py::module_& module) { module.def("read_data", &read_data, py::arg("spec")); }

}  // namespace metaplastic::python
