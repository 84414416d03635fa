#include "data/preprocess_rows.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "data/byte_images.h"
#include "data/dataset_rows.h"
#include "data/read_image.h"

namespace metaplastic {
namespace {

void check_pixels(const Dataset& data, std::span<const float> pixels, std::int64_t row) {
  // Without branches this runs in vectors.
  const auto most = static_cast<float>(data.pixel_max);
  int num_outside = 0;
  for (const float pixel : pixels) num_outside += pixel < 0 || pixel > most;
  if (num_outside == 0) return;
  const auto [low, high] = std::minmax_element(pixels.begin(), pixels.end());
  if (*low >= 0 && *high <= data.pixel_max) return;
  const bool may_be_signal = data.image.channels == 1 && data.name.find("image=") == data.name.npos;
  fail("{}: expected pixels from 0 to {}, found {} in row {}; give max=VALUE{} or scale the pixels",
       printable(data.name, 400), data.pixel_max, *low < 0 ? *low : *high, row,
       may_be_signal ? ", or signal=yes for [rows, time, channels]," : "");
}

}  // namespace

void check_all_pixels(const Dataset& raw) {
  if (raw.pixel_max >= 255 && raw.rows->has_bytes()) return;
  const auto num_pixels = static_cast<std::size_t>(raw.num_features());
  const std::int64_t block = std::min(raw.num_rows(), rows_per_block(raw));
  std::vector<float> buffer(static_cast<std::size_t>(block) * num_pixels);
  for (std::int64_t first = 0; first < raw.num_rows(); first += block) {
    const std::int64_t count = std::min(block, raw.num_rows() - first);
    const auto values = std::span(buffer).first(static_cast<std::size_t>(count) * num_pixels);
    raw.read_rows(first, count, values);
    for (std::int64_t n = 0; n < count; ++n) {
      check_pixels(raw, values.subspan(static_cast<std::size_t>(n) * num_pixels, num_pixels),
                   first + n);
    }
  }
}

std::int64_t rows_per_block(const RowSource& raw) {
  return std::max<std::int64_t>(1, (1 << 20) / std::max(1, raw.num_features()));
}

void read_offset_rows(const Dataset& raw, std::span<const double> offset, std::int64_t first,
                      std::int64_t count, std::span<float> out) {
  if (offset.empty()) {
    raw.read_rows(first, count, out);
    return zero_missing(raw, out);
  }
  std::vector<double> wide(out.size());
  raw.read_wide_rows(first, count, wide);
  zero_missing<double>(raw, wide);
  for (std::size_t n = 0; n < out.size(); ++n) {
    out[n] = static_cast<float>(wide[n] - offset[n % offset.size()]);
  }
}

std::vector<int> match_columns(const Preprocess& preprocess, const Dataset& raw) {
  std::map<std::string, int> index;
  for (std::size_t n = 0; n < raw.column_names.size(); ++n) {
    index.emplace(raw.column_names[n], static_cast<int>(n));
  }
  std::vector<int> source;
  for (const std::string& name : preprocess.column_names) {
    const auto found = index.find(name);
    source.push_back(found == index.end() ? -1 : found->second);
  }
  return source;
}

void resize_image(ResizeMethod method, std::span<const float> in, const ImageShape& from,
                  std::span<float> out, const ImageShape& to) {
  METAPLASTIC_CHECK(from.channels == to.channels);
  if (method == ResizeMethod::kArea) {
    resize_area(in, from.height, from.width, from.channels, out, to.height, to.width);
    return;
  }
  auto next = out.begin();
  for (int y = 0; y < to.height; ++y) {
    const std::int64_t row = std::int64_t{y} * from.height / to.height;
    for (int x = 0; x < to.width; ++x) {
      const std::int64_t column = std::int64_t{x} * from.width / to.width;
      next = std::copy_n(in.begin() + (row * from.width + column) * from.channels, from.channels,
                         next);
    }
  }
}

std::vector<int> input_order(const Preprocess& preprocess) {
  if (!preprocess.permutation_seed) return {};
  std::vector<int> order(static_cast<std::size_t>(preprocess.num_inputs()));
  std::iota(order.begin(), order.end(), 0);
  Random(*preprocess.permutation_seed, Purpose::kPermutation).shuffle(std::span<int>(order));
  return order;
}

PreparedRows::PreparedRows(const Preprocess& preprocess, const Dataset& raw)
    : preprocess_(preprocess),
      raw_(raw),
      num_inputs_(preprocess.num_inputs()),
      takes_bytes_(takes_bytes(preprocess, raw)) {
  if (raw.kind == DataKind::kTable) {
    source_column_ = match_columns(preprocess, raw);
    if (!preprocess.offset.empty()) {
      raw_offset_.assign(static_cast<std::size_t>(raw.num_features()), 0);
      for (std::size_t n = 0; n < source_column_.size(); ++n) {
        if (source_column_[n] < 0) continue;
        raw_offset_[static_cast<std::size_t>(source_column_[n])] = preprocess.offset[n];
      }
    }
  }
  if (raw.kind == DataKind::kText) {
    std::map<std::string, int> index;
    for (std::size_t n = 0; n < preprocess.words.size(); ++n)
      index.emplace(preprocess.words[n], static_cast<int>(n));
    for (const std::string& word : raw.documents->words) {
      const auto found = index.find(word);
      input_of_word_.push_back(found == index.end() ? -1 : found->second);
    }
  }
  order_ = input_order(preprocess);
}

void PreparedRows::prepare_image(std::span<const float> raw, std::int64_t row,
                                 std::span<float> out) const {
  check_pixels(raw_, raw, row);
  const ImageShape &from = preprocess_.input_image, &to = preprocess_.output_image;
  std::vector<float> grey;
  if (to.channels < from.channels) {
    grey.resize(raw.size() / 3);
    for (std::size_t n = 0; n < grey.size(); ++n) {
      grey[n] = luma(raw[3 * n], raw[3 * n + 1], raw[3 * n + 2]);
    }
    raw = grey;
  }
  if (from.height == to.height && from.width == to.width) {
    std::copy(raw.begin(), raw.end(), out.begin());
  } else {
    resize_image(preprocess_.resize_method, raw, {from.height, from.width, to.channels}, out, to);
  }
  for (float& value : out) value /= raw_.pixel_max;
}

void PreparedRows::prepare_record(std::span<const float> raw, std::span<float> out) const {
  for (std::size_t n = 0; n < out.size(); ++n) {
    float value = source_column_[n] < 0 ? 0.0f : raw[static_cast<std::size_t>(source_column_[n])];
    if (std::isnan(value)) value = preprocess_.mean[n];
    out[n] =
        preprocess_.scale[n] == 0 ? 0.0f : (value - preprocess_.mean[n]) * preprocess_.scale[n];
  }
}

void PreparedRows::prepare_signal(std::span<const float> raw, LogMelFrames* frames,
                                  std::span<float> out) const {
  if (frames != nullptr) {
    frames->run(raw, preprocess_.input_image.channels, out);
  } else {
    std::copy(raw.begin(), raw.end(), out.begin());
  }
  const std::size_t C = preprocess_.mean.size();
  for (std::size_t n = 0; n < out.size(); ++n) {
    const std::size_t c = n % C;
    out[n] =
        preprocess_.scale[c] == 0 ? 0.0f : (out[n] - preprocess_.mean[c]) * preprocess_.scale[c];
  }
}

void PreparedRows::prepare_document(std::int64_t row, std::span<float> out) const {
  std::fill(out.begin(), out.end(), 0.0f);
  const auto document = static_cast<std::size_t>(raw_.first_document + row);
  const auto begin = static_cast<std::size_t>(raw_.documents->starts[document]);
  const auto end = static_cast<std::size_t>(raw_.documents->starts[document + 1]);
  for (std::size_t n = begin; n < end; ++n) {
    const int input = input_of_word_[static_cast<std::size_t>(raw_.documents->word_ids[n])];
    if (input >= 0) out[static_cast<std::size_t>(input)] += 1.0f;
  }
  double squares = 0;
  for (std::size_t n = 0; n < out.size(); ++n) {
    out[n] *= preprocess_.word_weights[n];
    squares += double{out[n]} * out[n];
  }
  // A document without a counted word stays 0.
  if (squares == 0) return;
  const float scale = static_cast<float>(1 / std::sqrt(squares));
  for (float& value : out) value *= scale;
}

void PreparedRows::read_byte_images(std::int64_t first, std::int64_t count,
                                    std::span<float> out) const {
  const auto size = static_cast<std::size_t>(num_inputs_);
  std::vector<float> prepared(order_.size());
  for (std::int64_t n = 0; n < count; ++n) {
    const auto row = out.subspan(static_cast<std::size_t>(n) * size, size);
    prepare_byte_image(raw_.rows->byte_row(first + n), preprocess_.input_image,
                       preprocess_.output_image, raw_.pixel_max,
                       order_.empty() ? row : std::span<float>(prepared));
    for (std::size_t u = 0; u < order_.size(); ++u)
      row[u] = prepared[static_cast<std::size_t>(order_[u])];
  }
}

void PreparedRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  check_row_range(*this, first, count, out);
  if (takes_bytes_) return read_byte_images(first, count, out);
  const auto num_inputs = static_cast<std::size_t>(num_inputs_);
  const auto num_raw = static_cast<std::size_t>(raw_.num_features());
  const std::int64_t block = std::min(count, rows_per_block(raw_));
  std::vector<float> buffer(static_cast<std::size_t>(block) * num_raw), prepared(num_inputs);
  std::optional<LogMelFrames> frames;
  if (preprocess_.log_mel) frames.emplace(*preprocess_.log_mel);
  for (std::int64_t begin = 0; begin < count; begin += block) {
    const std::int64_t size = std::min(block, count - begin);
    const auto values = std::span(buffer).first(static_cast<std::size_t>(size) * num_raw);
    if (raw_.kind != DataKind::kText) {
      read_offset_rows(raw_, raw_offset_, first + begin, size, values);
    }
    for (std::int64_t n = 0; n < size; ++n) {
      const auto row = out.subspan(static_cast<std::size_t>(begin + n) * num_inputs, num_inputs);
      const auto raw = values.subspan(static_cast<std::size_t>(n) * num_raw, num_raw);
      const std::span<float> target = order_.empty() ? row : std::span<float>(prepared);
      if (raw_.kind == DataKind::kImage) prepare_image(raw, first + begin + n, target);
      if (raw_.kind == DataKind::kTable) prepare_record(raw, target);
      if (raw_.kind == DataKind::kSignal) prepare_signal(raw, frames ? &*frames : nullptr, target);
      if (raw_.kind == DataKind::kText) prepare_document(first + begin + n, target);
      for (std::size_t u = 0; u < order_.size(); ++u) {
        row[u] = prepared[static_cast<std::size_t>(order_[u])];
      }
    }
  }
}

}  // namespace metaplastic
