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

Dataset array_dataset(py::array array) {
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
  if (array.ndim() > 2) {
    const py::ssize_t channels = array.ndim() == 4 ? array.shape(3) : 1;
    if (channels != 1 && channels != 3) {
      fail(
          "array: expected 1 or 3 channels as the last dimension, found {}; order the axes [rows, "
          "height, width, channels]",
          channels);
    }
    data.kind = DataKind::kImage;
    data.image = {static_cast<int>(array.shape(1)), static_cast<int>(array.shape(2)),
                  static_cast<int>(channels)};
    data.pixel_max = white_of(type_of(array));
  }
  data.rows = std::make_shared<ArrayRows>(std::move(array));
  return data;
}

}  // namespace

Dataset make_dataset(const py::object& input,
                     const std::optional<std::vector<std::string>>& columns,
                     const Preprocess* fitted) {
  if (py::isinstance<py::str>(input)) {
    if (columns) fail("columns: expected none for a data SPEC, which names its own; leave it out");
    return load_data(input.cast<std::string>());
  }
  const py::module_ arrays = py::module_::import("metaplastic.arrays");
  const auto [array, names] =
      arrays.attr("as_array")(input, columns)
          .cast<std::pair<py::array, std::optional<std::vector<std::string>>>>();
  Dataset data = array_dataset(array);
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
