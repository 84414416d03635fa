// Prepared rows: raw rows read in blocks and transformed on the way. preprocess.h hands them out.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "data/preprocess.h"

namespace metaplastic {

// Rows per block when raw rows are read through a buffer; about 4 MiB of floats.
std::int64_t rows_per_block(const RowSource& raw);

// With missing=zero a missing value is a 0 like any other, also for the mean and the offset.
template <class Value>
void zero_missing(const Dataset& raw, std::span<Value> values) {
  if (raw.missing != MissingPolicy::kZero) return;
  std::replace_if(
      values.begin(), values.end(), [](Value value) { return std::isnan(value); }, Value{0});
}

// Raw rows; of a table less the offset of each column, subtracted in double, where there are
// offsets, and with missing values as zero_missing leaves them.
void read_offset_rows(const Dataset& raw, std::span<const double> offset, std::int64_t first,
                      std::int64_t count, std::span<float> out);

// Throws Error, one line, unless the encoder's inputs can be made of this data.
void check_suits(const Preprocess& preprocess, const Dataset& raw);

// Reads every row of images and throws Error for a pixel below 0 or above pixel_max: one pass now
// instead of a surprise after the work.
void check_all_pixels(const Dataset& raw);

// [height, width, channels] of one size to another, by the method.
void resize_image(ResizeMethod method, std::span<const float> in, const ImageShape& from,
                  std::span<float> out, const ImageShape& to);
// Raw column of every fitted column by name; -1 where the data has none of that name.
std::vector<int> match_columns(const Preprocess& preprocess, const Dataset& raw);

// The permutation of the inputs, input u being the prepared value order[u]; empty without one.
std::vector<int> input_order(const Preprocess& preprocess);

class PreparedRows : public RowSource {
 public:
  // `raw` passes check_suits.
  PreparedRows(const Preprocess& preprocess, const Dataset& raw);
  std::int64_t num_rows() const override { return raw_.num_rows(); }
  int num_features() const override { return num_inputs_; }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;

 private:
  void read_byte_images(std::int64_t first, std::int64_t count, std::span<float> out) const;
  void prepare_image(std::span<const float> raw, std::int64_t row, std::span<float> out) const;
  void prepare_record(std::span<const float> raw, std::span<float> out) const;
  void prepare_signal(std::span<const float> raw, LogMelFrames* frames, std::span<float> out) const;
  void prepare_document(std::int64_t row, std::span<float> out) const;

  Preprocess preprocess_;
  Dataset raw_;
  int num_inputs_;
  bool takes_bytes_;                // byte_images.h
  std::vector<int> source_column_;  // kTable: raw column of each fitted column; -1: a category that
                                    // this data does not have
  std::vector<double> raw_offset_;  // kTable: the offset of each raw column; empty: all 0
  std::vector<int> input_of_word_;  // kText: input of each word of the data; -1: not counted
  std::vector<int> order_;          // out[u] = prepared[order_[u]]; empty without a permutation
};

}  // namespace metaplastic
