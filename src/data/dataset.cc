#include "data/dataset.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "data/clip_rows.h"
#include "data/data_form.h"
#include "data/dataset_parts.h"
#include "data/dataset_rows.h"
#include "data/preprocess.h"

namespace metaplastic {
namespace {

// First value that is no finite float; where missing values are allowed, NaN passes.
template <class Value>
void check_finite(std::span<const Value> values, const Dataset& data, std::int64_t first_row) {
  // All exponent bits are set in what is not finite; whole numbers make a loop that vectorises.
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t num_others = 0;
  for (const Value value : values)
    num_others +=
        (std::bit_cast<std::uint32_t>(static_cast<float>(value)) & kExponent) == kExponent;
  if (num_others == 0) return;
  const auto num_features = static_cast<std::size_t>(data.num_features());
  for (std::size_t n = 0; n < values.size(); ++n) {
    if (std::isfinite(static_cast<float>(values[n]))) continue;
    if (std::isnan(values[n]) && data.missing != MissingPolicy::kError) continue;
    const bool too_large = std::isfinite(values[n]);
    fail("{}: expected {}, found {} in row {}, column {} (from 0); {}", printable(data.name, 200),
         too_large ? "numbers within single precision (up to 3.4e38)" : "finite numbers", values[n],
         first_row + static_cast<std::int64_t>(n / num_features), n % num_features,
         too_large ? "scale the column" : "clean the data");
  }
}

// "signals of 128 steps and 9 channels", "sounds of 0.75 s at 16000 Hz and 1 channel".
std::string signals_text(const Dataset& data) {
  const int steps = data.image.width, channels = data.image.channels;
  const std::string length =
      data.sound ? fmt::format("sounds of {:.3g} s at {} Hz",
                               static_cast<double>(steps) / data.sound->rate, data.sound->rate)
                 : fmt::format("signals of {} steps", steps);
  return fmt::format("{} and {} channel{}", length, channels, channels == 1 ? "" : "s");
}

}  // namespace

std::string_view kind_name(DataKind kind) {
  switch (kind) {
    case DataKind::kImage:
      return "image";
    case DataKind::kTable:
      return "table";
    case DataKind::kSignal:
      return "signal";
    case DataKind::kText:
      break;
  }
  return "text";
}

std::int64_t Dataset::num_rows() const {
  return kind == DataKind::kText ? num_documents : rows ? rows->num_rows() : 0;
}

int Dataset::num_features() const { return rows ? rows->num_features() : 0; }

void Dataset::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  check_row_range(*this, first, count, out);
  if (!rows) return;
  rows->read_rows(first, count, out);
  check_finite<float>(out, *this, first);
}

void Dataset::read_wide_rows(std::int64_t first, std::int64_t count, std::span<double> out) const {
  check_row_range(*this, first, count, out.size());
  if (!rows) return;
  rows->read_wide_rows(first, count, out);
  check_finite<double>(out, *this, first);
}

std::int64_t Dataset::num_labelled() const {
  return std::ssize(labels) - std::ranges::count(labels, kNoLabel);
}

Dataset load_dataset(std::string_view spec, std::span<const DataForm> forms) {
  const DataSpec parsed = parse_data_spec(spec, forms);
  Dataset data = std::ranges::find(forms, parsed.form, &DataForm::name)->load(parsed);
  data.name = parsed.text;
  if (data.num_rows() == 0) {
    fail("{}: expected at least one row, found none; use a file with data",
         printable(data.name, 200));
  }
  if (data.first_test_row == 0) data.first_test_row = data.num_rows();
  METAPLASTIC_CHECK(data.labels.empty() ||
                    static_cast<std::int64_t>(data.labels.size()) == data.num_rows());
  METAPLASTIC_CHECK(data.row_names.empty() ||
                    static_cast<std::int64_t>(data.row_names.size()) == data.num_rows());
  return data;
}

Dataset load_dataset(std::string_view spec) { return load_dataset(spec, file_forms()); }

Dataset with_channels(const Dataset& images, int channels) {
  METAPLASTIC_CHECK(images.kind == DataKind::kImage && (channels == 1 || channels == 3));
  if (images.image.channels == channels) return images;
  Dataset result = images;
  result.image.channels = channels;
  result.rows = std::make_shared<ChannelRows>(images.rows, channels);
  result.notes.push_back(fmt::format("{}: {} images become {}, as the encoder was fitted on",
                                     printable(images.name, 200), channels == 1 ? "colour" : "grey",
                                     channels == 1 ? "grey" : "colour"));
  return result;
}

Dataset fitted_to(const Preprocess& preprocess, const Dataset& data) {
  if (data.kind != preprocess.kind) return data;
  if (data.kind == DataKind::kImage) return with_channels(data, preprocess.input_image.channels);
  if (data.sound && preprocess.rate > 0) return with_length(data, preprocess.input_image.width);
  return data;
}

std::string describe(const Dataset& data) {
  std::string line = fmt::format("{}: {} rows", printable(data.name, 200), data.num_rows());
  if (data.has_test_rows()) {
    line += fmt::format(" ({} training, {} test)", data.first_test_row,
                        data.num_rows() - data.first_test_row);
  }
  if (data.kind == DataKind::kImage) {
    line += fmt::format(", images of {} x {} pixels, {}", data.image.height, data.image.width,
                        data.image.channels == 1 ? "grey" : "colour");
  } else if (data.kind == DataKind::kTable) {
    line += fmt::format(", {} columns of numbers", data.num_features());
  } else if (data.kind == DataKind::kSignal) {
    line += ", " + signals_text(data);
  } else {
    line += fmt::format(", text of {} different words", data.documents->words.size());
  }
  line += data.labels.empty() ? ", no labels" : fmt::format(", {} classes", data.num_classes());
  const std::int64_t num_without = std::ssize(data.labels) - data.num_labelled();
  if (num_without > 0) line += fmt::format(", {} rows without a label", num_without);
  if (!data.notes.empty())
    line += fmt::format(", {} note{}", data.notes.size(), data.notes.size() == 1 ? "" : "s");
  return line;
}

}  // namespace metaplastic
