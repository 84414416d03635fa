// The options image=HxW[xC] and max=VALUE, which arrays and CSV files share.
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

}  // namespace

void apply_image_options(Dataset& data, const DataSpec& spec, const std::string& source,
                         float default_max) {
  if (const auto text = spec.option("image")) {
    const ImageShape shape = parse_shape(*text, source);
    if (shape.size() != data.num_features()) {
      fail("{}: expected rows of {} pixels for image={}, found rows of {} numbers; correct the sizes",
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
