#include "data/read_image.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace metaplastic {

float shrink_scale(int from, int to) { return static_cast<float>(static_cast<double>(to) / from); }

namespace {

// Weights of the source pixels under each target pixel of one axis, in units of a source pixel.
struct Axis {
  std::vector<int> first;
  std::vector<std::vector<float>> weights;
  float scale;

  Axis(int from, int to) : scale(shrink_scale(from, to)) {
    for (std::int64_t n = 0; n < to; ++n) {
      // Positions in units of 1/to source pixels are whole numbers: no rounding at the borders.
      const std::int64_t low = n * from, high = low + from;
      const std::int64_t begin = low / to, end = (high + to - 1) / to;
      first.push_back(static_cast<int>(begin));
      weights.emplace_back();
      for (std::int64_t s = begin; s < end; ++s) {
        const std::int64_t part = std::min(high, (s + 1) * to) - std::max(low, s * to);
        weights.back().push_back(static_cast<float>(static_cast<double>(part) / to));
      }
    }
  }
};

// What the first bytes say of a file that is no image we read.
std::string kind_of(std::span<const std::uint8_t> bytes) {
  struct Magic {
    std::size_t at;
    std::string_view bytes, name;
  };
  static constexpr Magic kMagics[] = {{0, "GIF8", "a GIF image"},
                                      {0, "BM", "a BMP image"},
                                      {8, "WEBP", "a WebP image"},
                                      {0, std::string_view("II*\0", 4), "a TIFF image"},
                                      {0, std::string_view("MM\0*", 4), "a TIFF image"},
                                      {4, "ftypheic", "a HEIC image"},
                                      {4, "ftypmif1", "a HEIC image"},
                                      {4, "ftypavif", "an AVIF image"},
                                      {0, "version https://git-lfs", "a Git LFS pointer"},
                                      {0, "<", "a page or SVG image"},
                                      {0, "%PDF", "a PDF document"}};
  if (bytes.empty()) return "an empty file";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const Magic& magic : kMagics) {
    if (text.size() > magic.at && text.substr(magic.at).starts_with(magic.bytes)) {
      return std::string(magic.name);
    }
  }
  return "other bytes";
}

}  // namespace

namespace picture_detail {

DecodedImage make_picture(std::int64_t height, std::int64_t width, int channels,
                          std::string_view name) {
  if (height < 1 || width < 1 || height > kMaxImageSide || width > kMaxImageSide ||
      height * width > kMaxPicturePixels) {
    fail(
        "{}: expected an image of 1 to {} pixels a side and at most {} in all, found {} x {} "
        "(width x "
        "height); scale it down",
        name, kMaxImageSide, kMaxPicturePixels, width, height);
  }
  DecodedImage picture;
  picture.height = static_cast<int>(height);
  picture.width = static_cast<int>(width);
  picture.channels = channels;
  picture.pixels.resize(static_cast<std::size_t>(height * width * channels));
  return picture;
}

}  // namespace picture_detail

DecodedImage decode_picture(std::span<const std::uint8_t> bytes, std::string_view name,
                            Background background) {
  constexpr std::uint8_t kPng[] = {0x89, 'P', 'N', 'G'};
  constexpr std::uint8_t kJpeg[] = {0xff, 0xd8, 0xff};
  const auto starts = [&](std::span<const std::uint8_t> magic) {
    return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
  };
  if (starts(kPng)) return picture_detail::decode_png(bytes, name, background);
  if (starts(kJpeg)) return picture_detail::decode_jpeg(bytes, name);
  if (bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7') {
    return picture_detail::decode_pnm(bytes, name);
  }
  fail("{}: expected a PNG, JPEG or PGM image, found {}; convert or remove it", name,
       kind_of(bytes));
}

void make_grey(DecodedImage& picture) {
  if (picture.channels == 1) return;
  std::vector<std::uint8_t> grey(picture.pixels.size() / 3);
  for (std::size_t n = 0; n < grey.size(); ++n) {
    const std::uint8_t* p = &picture.pixels[3 * n];
    grey[n] = static_cast<std::uint8_t>(std::lround(luma(p[0], p[1], p[2])));
  }
  picture.pixels = std::move(grey);
  picture.channels = 1;
}

void make_colour(DecodedImage& picture) {
  if (picture.channels == 3) return;
  std::vector<std::uint8_t> colour(picture.pixels.size() * 3);
  for (std::size_t n = 0; n < colour.size(); ++n) colour[n] = picture.pixels[n / 3];
  picture.pixels = std::move(colour);
  picture.channels = 3;
}

void resize_picture(DecodedImage& picture, int height, int width) {
  if (picture.height == height && picture.width == width) return;
  const std::vector<float> in(picture.pixels.begin(), picture.pixels.end());
  DecodedImage result = picture_detail::make_picture(height, width, picture.channels, "resize");
  std::vector<float> out(result.pixels.size());
  resize_area(in, picture.height, picture.width, picture.channels, out, height, width);
  std::transform(out.begin(), out.end(), result.pixels.begin(), [](float value) {
    return static_cast<std::uint8_t>(std::clamp(std::lround(value), 0l, 255l));
  });
  picture.pixels = std::move(result.pixels);
  picture.height = height;
  picture.width = width;
}

namespace {

// resize_area of one channel by whole factors: all weights are 1, so that nothing is laid out for
// each image. The same sums in the same order.
void shrink_by_whole_factors(std::span<const float> in, int width, int down, int across,
                             float scale, std::span<float> out) {
  const auto row_size = static_cast<std::size_t>(width), factor = static_cast<std::size_t>(across);
  std::vector<float> row(row_size);
  std::size_t next = 0;
  for (std::size_t first = 0; first < in.size();
       first += static_cast<std::size_t>(down) * row_size) {
    std::fill(row.begin(), row.end(), 0.0f);
    for (int k = 0; k < down; ++k) {
      const float* from = &in[first + static_cast<std::size_t>(k) * row_size];
      for (std::size_t i = 0; i < row_size; ++i) row[i] += from[i];
    }
    for (std::size_t column = 0; column < row_size; column += factor) {
      float sum = 0;
      for (std::size_t k = 0; k < factor; ++k) sum += row[column + k];
      out[next++] = sum * scale;
    }
  }
}

}  // namespace

void resize_area(std::span<const float> in, int height, int width, int channels,
                 std::span<float> out, int out_height, int out_width) {
  METAPLASTIC_CHECK(in.size() == static_cast<std::size_t>(height) * width * channels);
  METAPLASTIC_CHECK(out.size() == static_cast<std::size_t>(out_height) * out_width * channels);
  if (channels == 1 && height % out_height == 0 && width % out_width == 0) {
    shrink_by_whole_factors(in, width, height / out_height, width / out_width,
                            shrink_scale(height, out_height) * shrink_scale(width, out_width), out);
    return;
  }
  const Axis down(height, out_height), across(width, out_width);
  const float scale = down.scale * across.scale;
  const std::size_t row_size = static_cast<std::size_t>(width) * channels;
  const auto num_channels = static_cast<std::size_t>(channels);
  std::vector<float> row(row_size);
  std::size_t next = 0;
  for (std::size_t y = 0; y < down.first.size(); ++y) {
    std::fill(row.begin(), row.end(), 0.0f);
    for (std::size_t k = 0; k < down.weights[y].size(); ++k) {
      const float* from = &in[(static_cast<std::size_t>(down.first[y]) + k) * row_size];
      for (std::size_t i = 0; i < row_size; ++i) row[i] += down.weights[y][k] * from[i];
    }
    for (std::size_t x = 0; x < across.first.size(); ++x) {
      for (std::size_t c = 0; c < num_channels; ++c) {
        float sum = 0;
        for (std::size_t k = 0; k < across.weights[x].size(); ++k) {
          const auto column = static_cast<std::size_t>(across.first[x]) + k;
          sum += across.weights[x][k] * row[column * num_channels + c];
        }
        out[next++] = sum * scale;
      }
    }
  }
}

}  // namespace metaplastic
