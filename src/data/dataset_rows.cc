#include "data/dataset_rows.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/read_image.h"

namespace metaplastic {

void check_row_range(const RowSource& source, std::int64_t first, std::int64_t count,
                     std::size_t size) {
  METAPLASTIC_CHECK(first >= 0 && count >= 0 && first <= source.num_rows() - count);
  METAPLASTIC_CHECK(size == static_cast<std::size_t>(count * source.num_features()));
}

void RowSource::read_wide_rows(std::int64_t first, std::int64_t count,
                               std::span<double> out) const {
  std::vector<float> narrow(out.size());
  read_rows(first, count, narrow);
  std::copy(narrow.begin(), narrow.end(), out.begin());
}

DoubleRows::DoubleRows(std::vector<double> values, int num_features)
    : values_(std::move(values)), num_features_(num_features) {
  METAPLASTIC_CHECK(num_features > 0);
  METAPLASTIC_CHECK(values_.size() % static_cast<std::size_t>(num_features) == 0);
}

std::int64_t DoubleRows::num_rows() const {
  return static_cast<std::int64_t>(values_.size()) / num_features_;
}

void DoubleRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  check_row_range(*this, first, count, out);
  std::transform(values_.begin() + first * num_features_,
                 values_.begin() + (first + count) * num_features_, out.begin(),
                 [](double value) { return static_cast<float>(value); });
}

void DoubleRows::read_wide_rows(std::int64_t first, std::int64_t count,
                                std::span<double> out) const {
  check_row_range(*this, first, count, out.size());
  std::copy_n(values_.begin() + first * num_features_, out.size(), out.begin());
}

FloatRows::FloatRows(std::vector<float> values, int num_features)
    : values_(std::move(values)), num_features_(num_features) {
  METAPLASTIC_CHECK(num_features > 0);
  METAPLASTIC_CHECK(values_.size() % static_cast<std::size_t>(num_features) == 0);
}

std::int64_t FloatRows::num_rows() const {
  return static_cast<std::int64_t>(values_.size()) / num_features_;
}

void FloatRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  check_row_range(*this, first, count, out);
  std::copy_n(values_.begin() + first * num_features_, out.size(), out.begin());
}

ByteRows::ByteRows(std::vector<std::uint8_t> values, int num_features)
    : values_(std::move(values)), num_features_(num_features) {
  METAPLASTIC_CHECK(num_features > 0);
  METAPLASTIC_CHECK(values_.size() % static_cast<std::size_t>(num_features) == 0);
}

std::int64_t ByteRows::num_rows() const {
  return static_cast<std::int64_t>(values_.size()) / num_features_;
}

void ByteRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  check_row_range(*this, first, count, out);
  std::transform(values_.begin() + first * num_features_,
                 values_.begin() + (first + count) * num_features_, out.begin(),
                 [](std::uint8_t value) { return static_cast<float>(value); });
}

std::span<const std::uint8_t> ByteRows::byte_row(std::int64_t row) const {
  METAPLASTIC_CHECK(row >= 0 && row < num_rows());
  return std::span(values_).subspan(static_cast<std::size_t>(row * num_features_),
                                    static_cast<std::size_t>(num_features_));
}

SliceRows::SliceRows(std::shared_ptr<const RowSource> source, std::int64_t first,
                     std::int64_t count)
    : source_(std::move(source)), first_(first), count_(count) {
  METAPLASTIC_CHECK(first >= 0 && count >= 0 && first <= source_->num_rows() - count);
}

void SliceRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  check_row_range(*this, first, count, out);
  source_->read_rows(first_ + first, count, out);
}

std::span<const std::uint8_t> SliceRows::byte_row(std::int64_t row) const {
  METAPLASTIC_CHECK(row >= 0 && row < count_);
  return source_->byte_row(first_ + row);
}

void SliceRows::read_wide_rows(std::int64_t first, std::int64_t count,
                               std::span<double> out) const {
  check_row_range(*this, first, count, out.size());
  source_->read_wide_rows(first_ + first, count, out);
}

std::span<const std::int64_t> PickedRows::numbers(std::int64_t first, std::int64_t count) const {
  METAPLASTIC_CHECK(first >= 0 && count >= 0 && first <= num_rows() - count);
  return std::span(*numbers_).subspan(static_cast<std::size_t>(first),
                                      static_cast<std::size_t>(count));
}

void PickedRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  gather_rows(*source_, numbers(first, count), out);
}

void PickedRows::read_wide_rows(std::int64_t first, std::int64_t count,
                                std::span<double> out) const {
  gather_wide_rows(*source_, numbers(first, count), out);
}

ConcatRows::ConcatRows(std::shared_ptr<const RowSource> first,
                       std::shared_ptr<const RowSource> second)
    : first_(std::move(first)), second_(std::move(second)) {
  METAPLASTIC_CHECK(first_->num_features() == second_->num_features());
}

template <class Value, class Read>
void ConcatRows::read_both(std::int64_t first, std::int64_t count, std::span<Value> out,
                           const Read& read) const {
  check_row_range(*this, first, count, out.size());
  const std::int64_t border = first_->num_rows();
  const std::int64_t before = std::clamp<std::int64_t>(border - first, 0, count);
  const auto split = static_cast<std::size_t>(before * num_features());
  if (before > 0) read(*first_, first, before, out.first(split));
  if (before < count) {
    read(*second_, first + before - border, count - before, out.subspan(split));
  }
}

std::span<const std::uint8_t> ConcatRows::byte_row(std::int64_t row) const {
  const std::int64_t border = first_->num_rows();
  return row < border ? first_->byte_row(row) : second_->byte_row(row - border);
}

void ConcatRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  read_both(first, count, out,
            [](const RowSource& part, std::int64_t from, std::int64_t number,
               std::span<float> values) { part.read_rows(from, number, values); });
}

void ConcatRows::read_wide_rows(std::int64_t first, std::int64_t count,
                                std::span<double> out) const {
  read_both(first, count, out,
            [](const RowSource& part, std::int64_t from, std::int64_t number,
               std::span<double> values) { part.read_wide_rows(from, number, values); });
}

ChannelRows::ChannelRows(std::shared_ptr<const RowSource> source, int channels)
    : source_(std::move(source)), channels_(channels) {
  const int from = channels == 1 ? 3 : 1;
  METAPLASTIC_CHECK(source_->num_features() % from == 0);
  num_features_ = source_->num_features() / from * channels;
}

void ChannelRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  check_row_range(*this, first, count, out);
  std::vector<float> from(static_cast<std::size_t>(count * source_->num_features()));
  source_->read_rows(first, count, from);
  if (channels_ == 3) {
    for (std::size_t n = 0; n < out.size(); ++n) out[n] = from[n / 3];
    return;
  }
  for (std::size_t n = 0; n < out.size(); ++n) {
    const float red = from[3 * n], green = from[3 * n + 1], blue = from[3 * n + 2];
    // The weights' sum is rounded: a grey pixel keeps its value to the last bit.
    out[n] = red == green && green == blue ? red : luma(red, green, blue);
  }
}

std::shared_ptr<const RowSource> rows_of(std::vector<float> values, int num_features) {
  return std::make_shared<FloatRows>(std::move(values), num_features);
}

std::shared_ptr<const RowSource> rows_of_doubles(std::vector<double> values, int num_features) {
  const bool narrow = std::ranges::all_of(values, [](double value) {
    return std::isnan(value) || static_cast<double>(static_cast<float>(value)) == value;
  });
  if (!narrow) return std::make_shared<DoubleRows>(std::move(values), num_features);
  return rows_of({values.begin(), values.end()}, num_features);
}

std::vector<float> read_all_rows(const RowSource& rows) {
  const std::int64_t num_features = std::max(1, rows.num_features());
  if (rows.num_rows() > kMaxMatrixBytes / 4 / num_features) {
    fail("matrix: expected at most {} GiB in memory, found {} rows of {} numbers; use fewer rows",
         kMaxMatrixBytes >> 30, rows.num_rows(), num_features);
  }
  std::vector<float> values(static_cast<std::size_t>(rows.num_rows() * rows.num_features()));
  rows.read_rows(0, rows.num_rows(), values);
  return values;
}

namespace {

// Neighbouring rows in one read: the usual case is a sorted or contiguous list.
template <class Value, class Read>
void gather(std::size_t num_features, std::span<const std::int64_t> rows, std::span<Value> out,
            const Read& read) {
  METAPLASTIC_CHECK(out.size() == rows.size() * num_features);
  std::size_t begin = 0;
  while (begin < rows.size()) {
    std::size_t end = begin + 1;
    while (end < rows.size() && rows[end] == rows[end - 1] + 1) ++end;
    read(rows[begin], static_cast<std::int64_t>(end - begin),
         out.subspan(begin * num_features, (end - begin) * num_features));
    begin = end;
  }
}

}  // namespace

void gather_rows(const RowSource& source, std::span<const std::int64_t> rows,
                 std::span<float> out) {
  gather(static_cast<std::size_t>(source.num_features()), rows, out,
         [&](std::int64_t first, std::int64_t count, std::span<float> values) {
           source.read_rows(first, count, values);
         });
}

void gather_wide_rows(const RowSource& source, std::span<const std::int64_t> rows,
                      std::span<double> out) {
  gather(static_cast<std::size_t>(source.num_features()), rows, out,
         [&](std::int64_t first, std::int64_t count, std::span<double> values) {
           source.read_wide_rows(first, count, values);
         });
}

}  // namespace metaplastic
