#include "data/exif_orientation.h"

#include <libexif/exif-data.h>

#include <memory>
#include <utility>

namespace metaplastic {

int find_orientation(std::span<const std::uint8_t> exif) {
  constexpr std::size_t kMaxBlock = 1 << 20;  // a JPEG segment has 64 KiB at most
  if (exif.size() > kMaxBlock) return 1;
  const std::unique_ptr<ExifData, decltype(&exif_data_unref)> data(exif_data_new(),
                                                                   &exif_data_unref);
  if (!data) return 1;
  exif_data_load_data(data.get(), exif.data(), static_cast<unsigned>(exif.size()));
  const ExifEntry* entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->size < 2) return 1;
  const int orientation = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

void turn_upright(DecodedImage& picture, int orientation) {
  if (orientation == 1) return;
  const std::vector<std::uint8_t> stored = std::move(picture.pixels);
  const int from_height = picture.height, from_width = picture.width;
  const bool is_transposed = orientation >= 5;
  if (is_transposed) std::swap(picture.height, picture.width);
  picture.pixels.resize(stored.size());
  const auto channels = static_cast<std::size_t>(picture.channels);
  // Of the place (y, x) that is seen, the stored place, transposed first.
  const bool flips_rows =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool flips_columns =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  std::size_t next = 0;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      int row = is_transposed ? x : y, column = is_transposed ? y : x;
      if (flips_rows) row = from_height - 1 - row;
      if (flips_columns) column = from_width - 1 - column;
      const std::size_t place =
          (static_cast<std::size_t>(row) * static_cast<std::size_t>(from_width) +
           static_cast<std::size_t>(column)) *
          channels;
      for (std::size_t c = 0; c < channels; ++c) picture.pixels[next++] = stored[place + c];
    }
  }
}

}  // namespace metaplastic
