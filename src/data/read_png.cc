// The PNG decoder behind read_image.h, on libpng's simplified interface.
#include <png.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "data/exif_orientation.h"
#include "data/read_image.h"

namespace metaplastic::picture_detail {
namespace {

constexpr std::size_t kSignatureBytes = 8;
constexpr std::size_t kBitDepthAt = 24;  // in IHDR, which is always first

// The simplified interface does not give out the chunk eXIf. Walks over the chunks of a file that
// libpng has read: length, type, content, check sum.
int png_orientation(std::span<const std::uint8_t> bytes) {
  for (std::size_t at = kSignatureBytes; bytes.size() - at >= 12;) {
    std::size_t length = 0;
    for (std::size_t n = 0; n < 4; ++n) length = length << 8 | bytes[at + n];
    if (length > bytes.size() - at - 12) break;
    if (std::memcmp(&bytes[at + 4], "eXIf", 4) == 0) {
      std::vector<std::uint8_t> exif = {'E', 'x', 'i', 'f', 0, 0};
      const auto content = bytes.subspan(at + 8, length);
      exif.insert(exif.end(), content.begin(), content.end());
      return find_orientation(exif);
    }
    at += length + 12;
  }
  return 1;
}

// Pixels with alpha [pixels, channels + 1] to `picture` [pixels, channels], over white or black,
// in the stored values as browsers do it (not in linear light).
void lay_over(std::span<const std::uint8_t> with_alpha, Background background,
              std::string_view name, DecodedImage& picture) {
  const unsigned below = background == Background::kBlack ? 0 : 255;
  const auto channels = static_cast<std::size_t>(picture.channels);
  const std::uint8_t* from = with_alpha.data();
  for (std::size_t n = 0; n < picture.pixels.size(); from += channels + 1) {
    const unsigned alpha = from[channels];
    picture.is_transparent |= alpha != 255;
    for (std::size_t c = 0; c < channels; ++c) {
      picture.pixels[n++] =
          static_cast<std::uint8_t>((alpha * from[c] + (255 - alpha) * below + 127) / 255);
    }
  }
  if (picture.is_transparent && background == Background::kError) {
    fail(
        "{}: expected an image without transparent pixels, as background=error asks, found some; "
        "give background=white or black",
        name);
  }
}

}  // namespace

DecodedImage decode_png(std::span<const std::uint8_t> bytes, std::string_view name,
                        Background background) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  struct Guard {
    png_image* png;
    ~Guard() { png_image_free(png); }
  } guard{&png};
  // The simplified interface returns on errors and keeps the message. A warning (a bad check sum of
  // an extra chunk, say) leaves the pixels whole.
  const auto check = [&](int good) {
    if (good == 0) {
      fail("{}: expected a readable PNG file, found: {}; replace the file", name,
           printable(png.message));
    }
  };
  check(png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()));
  // Without a gAMA chunk the simplified interface takes 16-bit values as linear light; viewers take
  // them as sRGB, like 8-bit values.
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  const bool colour = (png.format & PNG_FORMAT_FLAG_COLOR) != 0;
  const bool alpha = (png.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  DecodedImage picture = make_picture(png.height, png.width, colour ? 3 : 1, name);
  picture.is_deep = bytes.size() > kBitDepthAt && bytes[kBitDepthAt] == 16;
  if (alpha) {
    png.format = colour ? PNG_FORMAT_RGBA : PNG_FORMAT_GA;
    std::vector<std::uint8_t> with_alpha(PNG_IMAGE_SIZE(png));
    check(png_image_finish_read(&png, nullptr, with_alpha.data(), 0, nullptr));
    lay_over(with_alpha, background, name, picture);
  } else {
    png.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    check(png_image_finish_read(&png, nullptr, picture.pixels.data(), 0, nullptr));
  }
  turn_upright(picture, png_orientation(bytes));
  return picture;
}

}  // namespace metaplastic::picture_detail
