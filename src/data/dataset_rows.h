// The RowSources behind Dataset: matrices in memory as doubles, floats or bytes, and slices of
// others.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "data/dataset.h"

namespace metaplastic {

// [num_rows, num_features] doubles in memory.
class DoubleRows : public RowSource {
 public:
  DoubleRows(std::vector<double> values, int num_features);
  std::int64_t num_rows() const override;
  int num_features() const override { return num_features_; }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;
  bool is_wide() const override { return true; }
  void read_wide_rows(std::int64_t first, std::int64_t count, std::span<double> out) const override;

 private:
  std::vector<double> values_;
  int num_features_;
};

// [num_rows, num_features] floats in memory.
class FloatRows : public RowSource {
 public:
  FloatRows(std::vector<float> values, int num_features);
  std::int64_t num_rows() const override;
  int num_features() const override { return num_features_; }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;

 private:
  std::vector<float> values_;
  int num_features_;
};

// The same in bytes: a quarter of the memory, for images.
class ByteRows : public RowSource {
 public:
  ByteRows(std::vector<std::uint8_t> values, int num_features);
  std::int64_t num_rows() const override;
  int num_features() const override { return num_features_; }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;
  bool has_bytes() const override { return true; }
  std::span<const std::uint8_t> byte_row(std::int64_t row) const override;

 private:
  std::vector<std::uint8_t> values_;
  int num_features_;
};

// A matrix in memory: as floats where these hold every digit, else as doubles.
std::shared_ptr<const RowSource> rows_of_doubles(std::vector<double> values, int num_features);

// Rows first .. first+count-1 of another source.
class SliceRows : public RowSource {
 public:
  SliceRows(std::shared_ptr<const RowSource> source, std::int64_t first, std::int64_t count);
  std::int64_t num_rows() const override { return count_; }
  int num_features() const override { return source_->num_features(); }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;
  bool has_bytes() const override { return source_->has_bytes(); }
  std::span<const std::uint8_t> byte_row(std::int64_t row) const override;
  bool is_wide() const override { return source_->is_wide(); }
  void read_wide_rows(std::int64_t first, std::int64_t count, std::span<double> out) const override;

 private:
  std::shared_ptr<const RowSource> source_;
  std::int64_t first_, count_;
};

// The rows with these numbers, in their order.
class PickedRows : public RowSource {
 public:
  PickedRows(std::shared_ptr<const RowSource> source,
             std::shared_ptr<const std::vector<std::int64_t>> numbers)
      : source_(std::move(source)), numbers_(std::move(numbers)) {}
  std::int64_t num_rows() const override { return static_cast<std::int64_t>(numbers_->size()); }
  int num_features() const override { return source_->num_features(); }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;
  bool is_wide() const override { return source_->is_wide(); }
  void read_wide_rows(std::int64_t first, std::int64_t count, std::span<double> out) const override;

 private:
  std::span<const std::int64_t> numbers(std::int64_t first, std::int64_t count) const;

  std::shared_ptr<const RowSource> source_;
  std::shared_ptr<const std::vector<std::int64_t>> numbers_;
};

// The rows of `first`, then those of `second`; both have the same number of features.
class ConcatRows : public RowSource {
 public:
  ConcatRows(std::shared_ptr<const RowSource> first, std::shared_ptr<const RowSource> second);
  std::int64_t num_rows() const override { return first_->num_rows() + second_->num_rows(); }
  int num_features() const override { return first_->num_features(); }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;
  bool has_bytes() const override { return first_->has_bytes() && second_->has_bytes(); }
  std::span<const std::uint8_t> byte_row(std::int64_t row) const override;
  bool is_wide() const override { return first_->is_wide() || second_->is_wide(); }
  void read_wide_rows(std::int64_t first, std::int64_t count, std::span<double> out) const override;

 private:
  template <class Value, class Read>
  void read_both(std::int64_t first, std::int64_t count, std::span<Value> out,
                 const Read& read) const;

  std::shared_ptr<const RowSource> first_, second_;
};

// Pixels of colour images as grey ones (luma), or of grey ones as three equal channels.
class ChannelRows : public RowSource {
 public:
  ChannelRows(std::shared_ptr<const RowSource> source, int channels);
  std::int64_t num_rows() const override { return source_->num_rows(); }
  int num_features() const override { return num_features_; }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;

 private:
  std::shared_ptr<const RowSource> source_;
  int channels_, num_features_;
};

// Aborts unless the range lies inside the source and its values are exactly `size`.
void check_row_range(const RowSource& source, std::int64_t first, std::int64_t count,
                     std::size_t size);
inline void check_row_range(const RowSource& source, std::int64_t first, std::int64_t count,
                            std::span<float> out) {
  check_row_range(source, first, count, out.size());
}

}  // namespace metaplastic
