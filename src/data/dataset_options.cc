// The options image=HxW[xC], max=VALUE and signal=yes|TIME[xCHANNELS], which arrays and CSV files
// share.
#include <charconv>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "data/csv_cells.h"
#include "data/dataset_parts.h"
#include "data/read_image.h"

namespace metaplastic {
namespace {

ImageShape parse_shape(const std::string& text, const std::string& source) {
  std::vector<int> parts;
  const char *next = text.data(), *end = text.data() + text.size();
  for (;;) {
    int value = 0;
    const auto [rest, code] = std::from_chars(next, end, value);
    if (code != std::errc{} || value < 1 || value > kMaxImageSide) break;
    parts.push_back(value);
    if (rest == end) {
      if (parts.size() == 2) parts.push_back(1);
      if (parts.size() != 3 || (parts[2] != 1 && parts[2] != 3) ||
          std::int64_t{parts[0]} * parts[1] > kMaxPicturePixels) {
        break;
      }
      return {parts[0], parts[1], parts[2]};
    }
    if (*rest != 'x') break;
    next = rest + 1;
  }
  fail("{}: expected image= as HEIGHTxWIDTH or HEIGHTxWIDTHx3 (colour), found {}", source,
       quote_text(text));
}

// TIME or TIMExCHANNELS.
ImageShape parse_signal(const std::string& text, const std::string& source) {
  int parts[2] = {0, 1};
  const char *next = text.data(), *end = text.data() + text.size();
  for (int& part : parts) {
    const auto [rest, code] = std::from_chars(next, end, part);
    if (code != std::errc{} || part < 1) break;
    next = rest;
    if (next == end && std::int64_t{parts[0]} * parts[1] <= kMaxSignalNumbers) {
      return {1, parts[0], parts[1]};
    }
    if (next == end || *next++ != 'x') break;
  }
  fail("{}: expected signal= as yes, TIME or TIMExCHANNELS, found {}", source, quote_text(text));
}

// Rows [time] or [time, channels]: those of an array as it is, or those that a flat row holds.
void make_signals(Dataset& data, const std::string& text, const std::string& source) {
  ImageShape shape{1, data.num_features(), 1};
  if (data.kind == DataKind::kImage) {
    if (data.image.channels != 1) {
      fail(
          "{}: expected an array [rows, time] or [rows, time, channels] for signal=, found [rows, "
          "{}, {}, {}]; reshape it",
          source, data.image.height, data.image.width, data.image.channels);
    }
    shape = {1, data.image.height, data.image.width};
  }
  if (text != "yes") {
    const ImageShape said = parse_signal(text, source);
    if (said.size() != data.num_features()) {
      fail("{}: expected rows of {} numbers for signal={}, found rows of {}; fix the sizes", source,
           said.size(), text, data.num_features());
    }
    if (data.kind == DataKind::kImage && !(said == shape)) {
      fail(
          "{}: expected signal={}x{} of an array [rows, time, channels], found {}; transpose the "
          "array or fix the sizes",
          source, shape.width, shape.channels, text);
    }
    shape = said;
  }
  data.kind = DataKind::kSignal;
  data.image = shape;
  data.column_names.clear();
  data.one_hot.clear();
}

}  // namespace

void apply_row_options(Dataset& data, const DataSpec& spec, const std::string& source,
                       float default_max) {
  if (const auto text = spec.option("signal")) {
    for (const char* other : {"image", "max", "missing", "categorical", "category"}) {
      if (!spec.option(other)) continue;
      fail("{}: expected either signal= or {}=, found both; remove one", source, other);
    }
    return make_signals(data, *text, source);
  }
  if (const auto text = spec.option("image")) {
    const ImageShape shape = parse_shape(*text, source);
    if (shape.size() != data.num_features()) {
      fail(
          "{}: expected rows of {} pixels for image={}, found rows of {} numbers; correct the "
          "sizes",
          source, shape.size(), *text, data.num_features());
    }
    data.kind = DataKind::kImage;
    data.image = shape;
    data.column_names.clear();
    data.one_hot.clear();
  }
  const auto max = spec.option("max");
  if (data.kind != DataKind::kImage) {
    if (max) fail("{}: expected max= for images only, found a table; give image=HxW too", source);
    return;
  }
  data.pixel_max = default_max;
  if (!max) return;
  const auto value = parse_float(*max);
  if (!value || *value <= 0) {
    fail("{}: expected max= as a number above 0, the value of white, found {}", source,
         quote_text(*max));
  }
  data.pixel_max = *value;
}

}  // namespace metaplastic
