#include "array_data.h"

#include <pybind11/stl.h>

#include "array_rows.h"
#include "base/error.h"
#include "data/dataset_parts.h"
#include "tasks/task_forms.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

constexpr std::int64_t kMaxFeatures = 1 << 26;

std::string shape_text(const py::array& array) {
  return fmt::format("[{}]", fmt::join(array.shape(), array.shape() + array.ndim(), ", "));
}

std::vector<std::string> positions(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t n = 0; n < count; ++n) names.push_back(std::to_string(n));
  return names;
}

// What the rows of an array are.
DataKind kind_of(const py::array& array, const std::optional<std::string>& kind,
                 const Preprocess* fitted) {
  const DataKind by_shape = array.ndim() == 2 ? DataKind::kTable : DataKind::kImage;
  if (!kind) {
    const bool is_signal = fitted != nullptr && fitted->kind == DataKind::kSignal;
    return is_signal && array.ndim() <= 3 ? DataKind::kSignal : by_shape;
  }
  if (*kind == "signal") {
    if (array.ndim() <= 3) return DataKind::kSignal;
    fail(
        "array: expected [rows, time] or [rows, time, channels] for kind=\"signal\", found the "
        "shape "
        "{}; reshape it",
        shape_text(array));
  }
  if (*kind != "table" && *kind != "image") {
    fail("kind: expected table, image, signal or None, found '{}'", *kind);
  }
  if (kind_name(by_shape) == *kind) return by_shape;
  fail("array: expected {} for kind=\"{}\", found the shape {}; reshape it",
       *kind == "table" ? "[rows, columns]"
                        : "[rows, height, width] or [rows, height, width, channels]",
       *kind, shape_text(array));
}

// {1, time, channels}.
ImageShape signal_shape(const py::array& array, const Preprocess* fitted) {
  if (array.ndim() == 3) {
    return {1, static_cast<int>(array.shape(1)), static_cast<int>(array.shape(2))};
  }
  const bool is_flat = fitted != nullptr && fitted->kind == DataKind::kSignal &&
                       fitted->input_image.size() == array.shape(1);
  if (is_flat) return fitted->input_image;
  return {1, static_cast<int>(array.shape(1)), 1};
}

Dataset array_dataset(py::array array, const std::optional<std::string>& kind,
                      const Preprocess* fitted) {
  const bool known = array.ndim() >= 2 && array.ndim() <= 4;
  if (!known || array.size() == 0 || array.size() / array.shape(0) > kMaxFeatures) {
    fail(
        "array: expected [rows, columns], [rows, height, width] or [rows, height, width, channels] "
        "with at least one row and 1 to {} numbers a row, found the shape {}; reshape it",
        kMaxFeatures, shape_text(array));
  }
  Dataset data;
  data.name = fmt::format("array {}", shape_text(array));
  data.first_test_row = array.shape(0);
  data.kind = kind_of(array, kind, fitted);
  if (data.kind == DataKind::kSignal) {
    data.image = signal_shape(array, fitted);
  } else if (data.kind == DataKind::kImage) {
    const py::ssize_t channels = array.ndim() == 4 ? array.shape(3) : 1;
    if (channels != 1 && channels != 3) {
      fail(
          "array: expected 1 or 3 channels as the last dimension, found {}; order the axes [rows, "
          "height, width, channels]",
          channels);
    }
    data.image = {static_cast<int>(array.shape(1)), static_cast<int>(array.shape(2)),
                  static_cast<int>(channels)};
    data.pixel_max = white_of(type_of(array));
  }
  data.rows = std::make_shared<ArrayRows>(std::move(array));
  return data;
}

Dataset sparse_dataset(const py::object& matrix, const std::optional<std::string>& kind) {
  if (kind && *kind != "table") fail("kind: expected table for a sparse matrix, found '{}'", *kind);
  Dataset data;
  data.rows = std::make_shared<SparseRows>(matrix);
  data.name = fmt::format("sparse matrix [{}, {}]", data.num_rows(), data.num_features());
  data.first_test_row = data.num_rows();
  return data;
}

}  // namespace

Dataset make_dataset(const py::object& input,
                     const std::optional<std::vector<std::string>>& columns,
                     const Preprocess* fitted, const std::optional<std::string>& kind) {
  if (py::isinstance<py::str>(input)) {
    if (columns) fail("columns: expected none for a data SPEC, which names its own; leave it out");
    if (kind) fail("kind: expected none for a data SPEC, which says it; write signal=yes there");
    const Dataset data = load_data(input.cast<std::string>());
    return fitted == nullptr ? data : fitted_to(*fitted, data);
  }
  const py::module_ arrays = py::module_::import("metaplastic.arrays");
  const auto [array, names] =
      arrays.attr("as_array")(input, columns)
          .cast<std::pair<py::object, std::optional<std::vector<std::string>>>>();
  Dataset data = py::isinstance<py::array>(array)
                     ? array_dataset(array.cast<py::array>(), kind, fitted)
                     : sparse_dataset(array, kind);
  if (data.kind != DataKind::kTable) return data;
  const auto count = static_cast<std::size_t>(data.num_features());
  const bool by_name = fitted != nullptr && fitted->kind == DataKind::kTable;
  if (by_name) {
    data.column_names = arrays.attr("match_names")(names, fitted->column_names, count)
                            .cast<std::vector<std::string>>();
  } else {
    data.column_names = names.value_or(positions(count));
  }
  if (data.column_names.size() != count) {
    fail("columns: expected a name for each of the {} columns, found {}", count,
         data.column_names.size());
  }
  return data;
}

}  // namespace metaplastic::python
