// A NumPy array as a RowSource, read where it lies: no copy of a memory-mapped or strided array.
#pragma once

#include <pybind11/numpy.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "data/dataset.h"
#include "io/npy.h"

namespace metaplastic::python {

// bool, whole numbers of 1 to 8 bytes, floats of 2 to 8 bytes, of either byte order; compared by
// value, as a dtype that went through a pickle is another object. Throws Error for other types.
NpyType type_of(const pybind11::array& array);

// Rows of an array of two to four dimensions. Owns a reference to the array, which it gives back
// under the GIL; reading needs no GIL.
class ArrayRows : public RowSource {
 public:
  explicit ArrayRows(pybind11::array array);
  std::int64_t num_rows() const override { return num_rows_; }
  int num_features() const override { return static_cast<int>(sizes_[0] * sizes_[1] * sizes_[2]); }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;
  bool is_wide() const override { return type_.is_wide(); }
  void read_wide_rows(std::int64_t first, std::int64_t count, std::span<double> out) const override;

 private:
  template <class To>
  void read(std::int64_t first, std::int64_t count, std::span<To> out) const;
  // The bytes of a row one after the other: where they lie, or copied to `scratch`.
  std::span<const std::byte> row_bytes(std::int64_t row, std::vector<std::byte>& scratch) const;

  std::shared_ptr<pybind11::array> array_;
  NpyType type_;
  const std::byte* data_;
  std::int64_t num_rows_;
  std::int64_t row_stride_;                          // bytes
  std::array<std::int64_t, 3> sizes_ = {1, 1, 1};    // of the dimensions after the first
  std::array<std::int64_t, 3> strides_ = {0, 0, 0};  // bytes
  bool rows_are_whole_;                              // a row's items lie one after the other
};

// Rows of a sparse matrix [N,U] in CSR form, which is kept; only the rows that are asked for become
// dense. Column numbers of a row are distinct.
class SparseRows : public RowSource {
 public:
  // A scipy.sparse matrix of float32 or float64 numbers. Throws Error for numbers out of range.
  explicit SparseRows(const pybind11::object& matrix);
  std::int64_t num_rows() const override { return std::ssize(starts_) - 1; }
  int num_features() const override { return num_features_; }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;
  bool is_wide() const override { return is_wide_; }
  void read_wide_rows(std::int64_t first, std::int64_t count, std::span<double> out) const override;

 private:
  template <class To>
  void read(std::int64_t first, std::int64_t count, std::span<To> out) const;

  int num_features_ = 0;
  bool is_wide_ = false;
  std::vector<std::int64_t> starts_;  // [N+1]
  std::vector<std::int32_t> columns_;
  std::vector<float> values_;  // one of the two
  std::vector<double> wide_values_;
};

}  // namespace metaplastic::python
