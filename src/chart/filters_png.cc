// The picture of the filters. A palette keeps it small: a few shades are all that an eye tells
// apart in a tile of a dozen pixels.
#include <openssl/evp.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "chart/filters.h"

namespace metaplastic {
namespace {

constexpr int kNumShades = 15;  // odd, so that zero has one; with the gap's colour four bits
constexpr int kNumColours = kNumShades + 1;
constexpr std::uint8_t kGapColour = kNumShades;
constexpr int kGap = 1;  // pixels between tiles

struct Colour {
  double red, green, blue;
};
// Blue and orange differ to every common kind of colour vision.
struct Scale {
  Colour negative, zero, positive;
};
constexpr Scale kLightScale = {{20, 78, 165}, {244, 244, 242}, {196, 72, 10}};
constexpr Scale kDarkScale = {{112, 178, 255}, {38, 41, 46}, {255, 150, 82}};

std::array<std::uint8_t, 4 * kNumColours> palette(Theme theme) {
  const Scale& scale = theme == Theme::kDark ? kDarkScale : kLightScale;
  std::array<std::uint8_t, 4 * kNumColours> rgba{};  // the gap stays transparent
  constexpr int kZero = kNumShades / 2;
  for (int n = 0; n < kNumShades; ++n) {
    const Colour& end = n < kZero ? scale.negative : scale.positive;
    const double share = std::abs(n - kZero) / double{kZero};
    const auto blend = [&](double zero, double full) {
      return static_cast<std::uint8_t>(std::lround(zero + share * (full - zero)));
    };
    const auto at = static_cast<std::size_t>(4 * n);
    rgba[at] = blend(scale.zero.red, end.red);
    rgba[at + 1] = blend(scale.zero.green, end.green);
    rgba[at + 2] = blend(scale.zero.blue, end.blue);
    rgba[at + 3] = 255;
  }
  return rgba;
}

std::uint8_t shade(float weight, float largest) {
  if (!(largest > 0)) return kNumShades / 2;
  const float position = (weight / largest + 1) / 2 * (kNumShades - 1);
  return static_cast<std::uint8_t>(std::clamp(std::lround(position), 0L, kNumShades - 1L));
}

}  // namespace

std::vector<std::byte> filters_png(const Filters& filters, int columns, Theme theme) {
  METAPLASTIC_CHECK(columns >= 1 && !filters.tiles.empty());
  const int num_filters = static_cast<int>(filters.tiles.size());
  columns = std::min(columns, num_filters);
  const int rows = (num_filters + columns - 1) / columns;
  const int width = columns * (filters.width + kGap) - kGap;
  const int height = rows * (filters.height + kGap) - kGap;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width * height), kGapColour);
  for (int n = 0; n < num_filters; ++n) {
    const std::vector<float>& tile = filters.tiles[static_cast<std::size_t>(n)];
    float largest = 0;
    for (const float weight : tile) largest = std::max(largest, std::abs(weight));
    const int top = n / columns * (filters.height + kGap);
    const int left = n % columns * (filters.width + kGap);
    for (int y = 0; y < filters.height; ++y) {
      for (int x = 0; x < filters.width; ++x) {
        pixels[static_cast<std::size_t>((top + y) * width + left + x)] =
            shade(tile[static_cast<std::size_t>(y * filters.width + x)], largest);
      }
    }
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGBA_COLORMAP;
  image.colormap_entries = kNumColours;
  const auto colours = palette(theme);
  // No such file is larger than its pixels, but for headers; `size` becomes what was used.
  png_alloc_size_t size = pixels.size() + 4096;
  std::vector<std::byte> png(size);
  const int written =
      png_image_write_to_memory(&image, png.data(), &size, 0, pixels.data(), width, colours.data());
  METAPLASTIC_CHECK(written != 0 && size <= png.size());
  png.resize(size);
  return png;
}

std::string data_uri(const std::vector<std::byte>& png) {
  std::string text(4 * ((png.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock adds a zero
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(png.data()),
                                     static_cast<int>(png.size()));
  text.resize(static_cast<std::size_t>(length));
  return "data:image/png;base64," + text;
}

}  // namespace metaplastic
