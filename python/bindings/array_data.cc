#include "array_data.h"

#include <array>
#include <cmath>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "tasks/task_forms.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

constexpr std::int64_t kMaxFeatures = 1 << 26;

// Rows of a strided array of up to four dimensions. Reads raw memory: needs no GIL.
template <class T>
class ArrayRows : public RowSource {
 public:
  explicit ArrayRows(const py::array& array)
      : data_(static_cast<const std::byte*>(array.data())), num_rows_(array.shape(0)) {
    row_stride_ = array.strides(0);
    for (py::ssize_t n = 1; n < array.ndim(); ++n) {
      const auto at = static_cast<std::size_t>(4 - array.ndim() + n - 1);
      sizes_[at] = array.shape(n);
      strides_[at] = array.strides(n);
    }
  }
  std::int64_t num_rows() const override { return num_rows_; }
  int num_features() const override { return static_cast<int>(sizes_[0] * sizes_[1] * sizes_[2]); }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override {
    METAPLASTIC_CHECK(first >= 0 && count >= 0 && first + count <= num_rows_);
    METAPLASTIC_CHECK(static_cast<std::int64_t>(out.size()) == count * num_features());
    std::size_t at = 0;
    for (std::int64_t row = first; row < first + count; ++row) {
      const std::byte* start = data_ + row * row_stride_;
      for (std::int64_t i = 0; i < sizes_[0]; ++i) {
        for (std::int64_t j = 0; j < sizes_[1]; ++j) {
          for (std::int64_t k = 0; k < sizes_[2]; ++k, ++at) {
            out[at] = read(start + i * strides_[0] + j * strides_[1] + k * strides_[2], row, at);
          }
        }
      }
    }
  }

 private:
  float read(const std::byte* from, std::int64_t row, std::size_t at) const {
    T value;
    std::memcpy(&value, from, sizeof value);
    const auto result = static_cast<float>(value);
    if (!std::isfinite(result)) {
      fail("array: expected finite float32 numbers, found {} in row {}, column {}; drop or mend it",
           static_cast<double>(value), row, at % static_cast<std::size_t>(num_features()));
    }
    return result;
  }

  const std::byte* data_;
  std::int64_t num_rows_;
  std::int64_t row_stride_ = 0;                      // bytes
  std::array<std::int64_t, 3> sizes_ = {1, 1, 1};    // of the dimensions after the first
  std::array<std::int64_t, 3> strides_ = {0, 0, 0};  // bytes
};

std::shared_ptr<const RowSource> rows_of_array(const py::array& array) {
  const py::dtype type = array.dtype();
  if (type.is(py::dtype::of<float>())) return std::make_shared<ArrayRows<float>>(array);
  if (type.is(py::dtype::of<double>())) return std::make_shared<ArrayRows<double>>(array);
  if (type.is(py::dtype::of<std::uint8_t>())) {
    return std::make_shared<ArrayRows<std::uint8_t>>(array);
  }
  fail("array: expected float32, float64 or uint8, found {}; convert it with astype",
       static_cast<std::string>(py::str(py::handle(type))));
}

std::string shape_text(const py::array& array) {
  return fmt::format("[{}]", fmt::join(array.shape(), array.shape() + array.ndim(), ", "));
}

}  // namespace

Dataset array_dataset(const py::array& array, std::optional<std::vector<std::string>> columns) {
  const bool known = array.ndim() >= 2 && array.ndim() <= 4;
  if (!known || array.size() == 0 || array.size() / array.shape(0) > kMaxFeatures) {
    fail(
        "array: expected [rows, columns], [rows, height, width] or [rows, height, width, channels] "
        "with at least one row and 1 to {} numbers a row, found the shape {}; reshape it",
        kMaxFeatures, shape_text(array));
  }
  Dataset data;
  data.name = fmt::format("array {}", shape_text(array));
  data.rows = rows_of_array(array);
  data.first_test_row = array.shape(0);
  if (array.ndim() == 2) {
    if (columns) data.column_names = std::move(*columns);
    for (int n = 0; !columns && n < data.num_features(); ++n) {
      data.column_names.push_back(std::to_string(n));
    }
    if (static_cast<int>(data.column_names.size()) != data.num_features()) {
      fail("array: expected {} columns, found {}; use data of the same columns",
           data.column_names.size(), data.num_features());
    }
    return data;
  }
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
  data.pixel_max = array.dtype().kind() == 'u' ? 255 : 1;
  return data;
}

Dataset make_dataset(const py::object& data, std::optional<std::vector<std::string>> columns) {
  if (py::isinstance<py::str>(data)) return load_data(data.cast<std::string>());
  return array_dataset(data.cast<py::array>(), std::move(columns));
}

}  // namespace metaplastic::python
