#include "data/byte_images.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/error.h"
#include "data/read_image.h"

namespace metaplastic {
namespace {

// Of a row of pixels at most; with it sums of bytes stay far below 2^24, where floats are exact.
constexpr int kMostWidth = 1024;
constexpr int kMostFactor = 64;

}  // namespace

bool takes_bytes(const Preprocess& preprocess, const Dataset& raw) {
  const ImageShape &in = preprocess.input_image, &to = preprocess.output_image;
  if (raw.kind != DataKind::kImage || raw.pixel_max < 255 || !raw.rows || !raw.rows->has_bytes() ||
      in.channels != to.channels)
    return false;
  if (in == to) return true;
  return preprocess.resize_method == ResizeMethod::kArea && in.channels == 1 &&
         in.width <= kMostWidth && in.height % to.height == 0 && in.width % to.width == 0 &&
         in.height / to.height <= kMostFactor;
}

void prepare_byte_image(std::span<const std::uint8_t> image, const ImageShape& in,
                        const ImageShape& to, float pixel_max, std::span<float> out) {
  METAPLASTIC_CHECK(static_cast<std::int64_t>(image.size()) == in.size() &&
                    static_cast<std::int64_t>(out.size()) == to.size());
  if (in == to) {
    std::ranges::transform(image, out.begin(), [&](std::uint8_t pixel) {
      return static_cast<float>(pixel) / pixel_max;
    });
    return;
  }
  const int down = in.height / to.height, across = in.width / to.width;
  const float scale = shrink_scale(in.height, to.height) * shrink_scale(in.width, to.width);
  const auto width = static_cast<std::size_t>(in.width);
  std::array<int, kMostWidth> sums;  // over the rows that become one
  float* next = out.data();
  for (const std::uint8_t* from = image.data(); from < image.data() + image.size();) {
    for (std::size_t x = 0; x < width; ++x) sums[x] = from[x];
    from += width;
    for (int k = 1; k < down; ++k, from += width)
      for (std::size_t x = 0; x < width; ++x) sums[x] += from[x];
    for (std::size_t x = 0; x < width; x += static_cast<std::size_t>(across)) {
      int sum = sums[x];
      for (int k = 1; k < across; ++k) sum += sums[x + static_cast<std::size_t>(k)];
      *next++ = static_cast<float>(sum) * scale / pixel_max;
    }
  }
}

}  // namespace metaplastic
