#include "array_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "io/npy_items.h"

namespace py = pybind11;

namespace metaplastic::python {
namespace {

// The reference may be dropped by a thread that holds no GIL.
std::shared_ptr<py::array> keep(py::array array) {
  return {new py::array(std::move(array)), [](const py::array* kept) {
            const py::gil_scoped_acquire acquire;
            delete kept;
          }};
}

}  // namespace

NpyType type_of(const py::array& array) {
  const py::dtype dtype = array.dtype();
  const auto bytes = static_cast<std::size_t>(dtype.itemsize());
  const bool number = std::has_single_bit(bytes) && bytes <= 8;
  // '>' or '<', or '|' where there is one order, or '=' for this machine's, which is little endian.
  const bool big_endian = dtype.byteorder() == '>';
  switch (dtype.kind()) {
    case 'b':
      return {NpyKind::kBool, bytes, false};
    case 'u':
      if (number) return {NpyKind::kUnsigned, bytes, big_endian};
      break;
    case 'i':
      if (number) return {NpyKind::kSigned, bytes, big_endian};
      break;
    case 'f':
      if (number && bytes >= 2) return {NpyKind::kFloat, bytes, big_endian};
      break;
    default:
      break;
  }
  fail("array: expected numbers of at most 64 bits, found {}; convert it with astype",
       static_cast<std::string>(py::str(py::handle(dtype))));
}

ArrayRows::ArrayRows(py::array array)
    : array_(keep(std::move(array))),
      type_(type_of(*array_)),
      data_(static_cast<const std::byte*>(array_->data())),
      num_rows_(array_->shape(0)),
      row_stride_(array_->strides(0)) {
  for (py::ssize_t n = 1; n < array_->ndim(); ++n) {
    const auto at = static_cast<std::size_t>(4 - array_->ndim() + n - 1);
    sizes_[at] = array_->shape(n);
    strides_[at] = array_->strides(n);
  }
  std::int64_t next = static_cast<std::int64_t>(type_.item_bytes);
  rows_are_whole_ = true;
  for (std::size_t n = sizes_.size(); n-- > 0;) {
    rows_are_whole_ &= sizes_[n] == 1 || strides_[n] == next;
    next *= sizes_[n];
  }
}

void ArrayRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  read(first, count, out);
}

void ArrayRows::read_wide_rows(std::int64_t first, std::int64_t count,
                               std::span<double> out) const {
  read(first, count, out);
}

template <class To>
void ArrayRows::read(std::int64_t first, std::int64_t count, std::span<To> out) const {
  METAPLASTIC_CHECK(first >= 0 && count >= 0 && first + count <= num_rows_);
  METAPLASTIC_CHECK(static_cast<std::int64_t>(out.size()) == count * num_features());
  std::vector<std::byte> scratch;
  std::size_t at = 0;
  for (std::int64_t row = first; row < first + count; ++row) {
    decode_items(type_, row_bytes(row, scratch), [&](auto value) {
      out[at] = item_to<To>(value);
      if (!std::isfinite(out[at])) {
        const double found = item_to<double>(value);
        const bool too_large = std::isfinite(found);
        fail("array: expected {}, found {} in row {}, column {}; {}",
             too_large ? "numbers within single precision (up to 3.4e38)" : "finite numbers", found,
             row, at % static_cast<std::size_t>(num_features()),
             too_large ? "scale the column" : "drop the row or fill in the value");
      }
      ++at;
    });
  }
}

std::span<const std::byte> ArrayRows::row_bytes(std::int64_t row,
                                                std::vector<std::byte>& scratch) const {
  const std::byte* const start = data_ + row * row_stride_;
  const std::size_t item = type_.item_bytes;
  const std::size_t bytes = item * static_cast<std::size_t>(num_features());
  if (rows_are_whole_) return {start, bytes};
  scratch.resize(bytes);
  std::byte* to = scratch.data();
  for (std::int64_t i = 0; i < sizes_[0]; ++i) {
    for (std::int64_t j = 0; j < sizes_[1]; ++j) {
      for (std::int64_t k = 0; k < sizes_[2]; ++k, to += item) {
        std::memcpy(to, start + i * strides_[0] + j * strides_[1] + k * strides_[2], item);
      }
    }
  }
  return scratch;
}

namespace {

template <class Value>
std::vector<Value> copy_of(const py::object& matrix, const char* name) {
  const auto array =
      py::array_t<Value, py::array::c_style | py::array::forcecast>::ensure(matrix.attr(name));
  if (!array) throw py::error_already_set();
  return {array.data(), array.data() + array.size()};
}

}  // namespace

SparseRows::SparseRows(const py::object& matrix) {
  const auto [rows, columns] = matrix.attr("shape").cast<std::pair<std::int64_t, std::int64_t>>();
  if (rows < 1 || columns < 1 || columns > (1 << 26)) {
    fail("sparse matrix: expected at least one row and 1 to {} columns, found the shape [{}, {}]",
         1 << 26, rows, columns);
  }
  num_features_ = static_cast<int>(columns);
  starts_ = copy_of<std::int64_t>(matrix, "indptr");
  columns_ = copy_of<std::int32_t>(matrix, "indices");
  is_wide_ = py::array(matrix.attr("data")).itemsize() > 4;
  if (is_wide_) {
    wide_values_ = copy_of<double>(matrix, "data");
  } else {
    values_ = copy_of<float>(matrix, "data");
  }
  const auto size = static_cast<std::int64_t>(is_wide_ ? wide_values_.size() : values_.size());
  bool whole = std::ssize(starts_) == rows + 1 && starts_.front() == 0 && starts_.back() <= size &&
               std::ssize(columns_) >= starts_.back() && std::ranges::is_sorted(starts_);
  for (const std::int32_t column : columns_) whole &= column >= 0 && column < num_features_;
  if (!whole) fail("sparse matrix: expected rows that lie inside it, found others; make it again");
}

template <class To>
void SparseRows::read(std::int64_t first, std::int64_t count, std::span<To> out) const {
  METAPLASTIC_CHECK(first >= 0 && count >= 0 && first + count <= num_rows());
  METAPLASTIC_CHECK(static_cast<std::int64_t>(out.size()) == count * num_features_);
  std::ranges::fill(out, To(0));
  for (std::int64_t row = first; row < first + count; ++row) {
    const auto end = static_cast<std::size_t>(starts_[static_cast<std::size_t>(row) + 1]);
    To* const to = out.data() + (row - first) * num_features_;
    for (auto n = static_cast<std::size_t>(starts_[static_cast<std::size_t>(row)]); n < end; ++n) {
      const To value = is_wide_ ? static_cast<To>(wide_values_[n]) : static_cast<To>(values_[n]);
      if (!std::isfinite(value)) {
        fail("sparse matrix: expected finite float32 numbers, found {} in row {}, column {}",
             static_cast<double>(value), row, columns_[n]);
      }
      to[columns_[n]] = value;
    }
  }
}

void SparseRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  read(first, count, out);
}

void SparseRows::read_wide_rows(std::int64_t first, std::int64_t count,
                                std::span<double> out) const {
  read(first, count, out);
}

}  // namespace metaplastic::python
