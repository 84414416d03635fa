#include "tasks/class_images_shrink.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace metaplastic {
namespace {

bool is_two_valued(const DecodedImage& image) {
  const std::uint8_t first = image.pixels[0];
  int second = -1;
  for (const std::uint8_t value : image.pixels) {
    if (value == first || value == second) continue;
    if (second >= 0) return false;
    second = value;
  }
  return second >= 0;
}

bool has_bright_border(const DecodedImage& image) {
  std::int64_t sum = 0, count = 0;
  const auto add = [&](int x, int y) {
    sum += image.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                        static_cast<std::size_t>(x)];
    ++count;
  };
  for (int x = 0; x < image.width; ++x) {
    add(x, 0);
    add(x, image.height - 1);
  }
  for (int y = 0; y < image.height; ++y) {
    add(0, y);
    add(image.width - 1, y);
  }
  return sum > 127 * count;
}

// Each value becomes the largest within `radius` along a line of `count` values `stride` apart.
void dilate_line(std::uint8_t* line, int count, std::size_t stride, int radius,
                 std::vector<std::uint8_t>& copy) {
  copy.resize(static_cast<std::size_t>(count));
  for (int n = 0; n < count; ++n) {
    copy[static_cast<std::size_t>(n)] = line[static_cast<std::size_t>(n) * stride];
  }
  for (int n = 0; n < count; ++n) {
    const auto begin = copy.begin() + std::max(0, n - radius);
    const auto end = copy.begin() + std::min(count, n + radius + 1);
    line[static_cast<std::size_t>(n) * stride] = *std::max_element(begin, end);
  }
}

void prepare_drawing(DecodedImage& image, int side) {
  const bool invert = has_bright_border(image);
  const std::uint8_t threshold =
      static_cast<std::uint8_t>((*std::max_element(image.pixels.begin(), image.pixels.end()) +
                                 *std::min_element(image.pixels.begin(), image.pixels.end())) /
                                2);
  for (std::uint8_t& value : image.pixels) value = (value > threshold) != invert ? 255 : 0;
  // Pens of about 3 pixels in 105 (Omniglot) come to 1.3 pixels of 28.
  const int radius =
      std::min(8, static_cast<int>(std::lround(0.27 * std::min(image.width, image.height) / side)));
  if (radius == 0) return;
  std::vector<std::uint8_t> copy;
  const auto width = static_cast<std::size_t>(image.width);
  for (int y = 0; y < image.height; ++y) {
    dilate_line(&image.pixels[static_cast<std::size_t>(y) * width], image.width, 1, radius, copy);
  }
  for (int x = 0; x < image.width; ++x) {
    dilate_line(&image.pixels[static_cast<std::size_t>(x)], image.height, width, radius, copy);
  }
}

}  // namespace

void shrink_picture(DecodedImage picture, int side, std::span<std::uint8_t> out) {
  METAPLASTIC_CHECK(out.size() == static_cast<std::size_t>(side * side));
  make_grey(picture);
  if (is_two_valued(picture)) prepare_drawing(picture, side);
  resize_picture(picture, side, side);
  std::copy(picture.pixels.begin(), picture.pixels.end(), out.begin());
}

}  // namespace metaplastic
