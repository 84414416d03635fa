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

// The largest weight of a filter, in size.
float largest_of(const std::vector<float>& tile) {
  float largest = 0;
  for (const float weight : tile) largest = std::max(largest, std::abs(weight));
  return largest;
}

// Where the weights of a picture stand: calls use(filter, weight of its tile, pixel) for each
// pixel.
struct Mosaic {
  int width, height, columns, tile_width, tile_height, zoom;

  Mosaic(const Filters& filters, int wanted_columns, int zoom_)
      : columns(std::min(wanted_columns, static_cast<int>(filters.tiles.size()))),
        tile_width(filters.width * zoom_),
        tile_height(filters.height * zoom_),
        zoom(zoom_) {
    const int rows = (static_cast<int>(filters.tiles.size()) + columns - 1) / columns;
    width = columns * (tile_width + kGap * zoom) - kGap * zoom;
    height = rows * (tile_height + kGap * zoom) - kGap * zoom;
  }
  template <class Use>
  void for_pixels(const Filters& filters, const Use& use) const {
    for (int n = 0; n < static_cast<int>(filters.tiles.size()); ++n) {
      const int top = n / columns * (tile_height + kGap * zoom);
      const int left = n % columns * (tile_width + kGap * zoom);
      for (int y = 0; y < tile_height; ++y) {
        for (int x = 0; x < tile_width; ++x) {
          use(static_cast<std::size_t>(n),
              static_cast<std::size_t>(y / zoom * filters.width + x / zoom),
              static_cast<std::size_t>((top + y) * width + left + x));
        }
      }
    }
  }
};

std::vector<std::byte> write_png(const Mosaic& mosaic, std::uint32_t format,
                                 const std::vector<std::uint8_t>& pixels, int bytes_per_pixel,
                                 const std::uint8_t* colours) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(mosaic.width);
  image.height = static_cast<png_uint_32>(mosaic.height);
  image.format = format;
  image.colormap_entries = colours != nullptr ? kNumColours : 0;
  // No such file is larger than its pixels, but for headers; `size` becomes what was used.
  png_alloc_size_t size = pixels.size() + pixels.size() / 64 + 4096;
  std::vector<std::byte> png(size);
  const int written = png_image_write_to_memory(&image, png.data(), &size, 0, pixels.data(),
                                                mosaic.width * bytes_per_pixel, colours);
  METAPLASTIC_CHECK(written != 0 && size <= png.size());
  png.resize(size);
  return png;
}

std::vector<std::byte> colour_png(const Filters& filters, const Mosaic& mosaic) {
  constexpr std::size_t kRgba = 4;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(mosaic.width) *
                                   static_cast<std::size_t>(mosaic.height) * kRgba);
  std::vector<float> largest;
  for (const auto& tile : filters.colours) largest.push_back(largest_of(tile));
  mosaic.for_pixels(filters, [&](std::size_t n, std::size_t weight, std::size_t pixel) {
    for (std::size_t c = 0; c < 3; ++c) {
      const float share = largest[n] > 0 ? filters.colours[n][weight * 3 + c] / largest[n] : 0;
      pixels[pixel * kRgba + c] = static_cast<std::uint8_t>(std::lround(127.5f + 127.5f * share));
    }
    pixels[pixel * kRgba + 3] = 255;
  });
  return write_png(mosaic, PNG_FORMAT_RGBA, pixels, static_cast<int>(kRgba), nullptr);
}

}  // namespace

std::vector<std::byte> filters_png(const Filters& filters, int columns, Theme theme, int zoom) {
  METAPLASTIC_CHECK(columns >= 1 && zoom >= 1 && !filters.tiles.empty());
  const Mosaic mosaic(filters, columns, zoom);
  if (!filters.colours.empty()) return colour_png(filters, mosaic);
  std::vector<std::uint8_t> pixels(
      static_cast<std::size_t>(mosaic.width) * static_cast<std::size_t>(mosaic.height), kGapColour);
  std::vector<float> largest;
  for (const auto& tile : filters.tiles) largest.push_back(largest_of(tile));
  mosaic.for_pixels(filters, [&](std::size_t n, std::size_t weight, std::size_t pixel) {
    pixels[pixel] = shade(filters.tiles[n][weight], largest[n]);
  });
  const auto colours = palette(theme);
  return write_png(mosaic, PNG_FORMAT_RGBA_COLORMAP, pixels, 1, colours.data());
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
