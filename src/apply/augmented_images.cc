#include "apply/augmented_images.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace metaplastic {
namespace {

constexpr std::uint64_t kAugmentedStream = std::uint64_t{3} << 40;  // of Purpose::kViewNoise
constexpr float kMinArea = 0.5f;                                    // of the image
constexpr float kLight = 0.4f;      // factors of brightness, contrast, saturation: 1 -+ this
constexpr float kGreyShare = 0.1f;  // of colour images: without colour

struct Line {  // along an axis: two pixels and the share of the second
  int first = 0, second = 0;
  float share = 0;
};

// Where pixel i of `size` reads in a crop of `part` of the axis that starts at `start`.
Line line_at(int i, int size, float part, float start) {
  const float at = std::clamp((static_cast<float>(i) + 0.5f) * part + start - 0.5f, 0.0f,
                              static_cast<float>(size - 1));
  const int first = static_cast<int>(at);
  return {first, std::min(first + 1, size - 1), at - static_cast<float>(first)};
}

float mean_of(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v);
  return static_cast<float>(sum / static_cast<double>(values.size()));
}

}  // namespace

void AugmentedImages::view(std::int64_t row, std::span<float> image,
                           std::span<float> scratch) const {
  Random random(seed(), Purpose::kViewNoise, kAugmentedStream + static_cast<std::uint64_t>(row));
  const int H = shape().height, W = shape().width;
  const bool is_colour = shape().channels == 3;
  const float part = std::sqrt(random.uniform(kMinArea, 1.0f));
  const float top = random.uniform(0.0f, 1.0f) * (1 - part) * static_cast<float>(H);
  const float left = random.uniform(0.0f, 1.0f) * (1 - part) * static_cast<float>(W);
  const float brightness = random.uniform(1 - kLight, 1 + kLight);
  const float contrast = random.uniform(1 - kLight, 1 + kLight);
  float saturation = random.uniform(1 - kLight, 1 + kLight);
  if (random.uniform() < kGreyShare) saturation = 0;
  const bool is_mirrored = random.below(2) == 1 && is_colour;
  std::ranges::copy(image, scratch.begin());
  const auto C = static_cast<std::size_t>(shape().channels);
  const auto pixel = [&](int y, int x) {
    return scratch.data() + static_cast<std::size_t>(y * W + x) * C;
  };
  for (int y = 0; y < H; ++y) {
    const Line down = line_at(y, H, part, top);
    for (int x = 0; x < W; ++x) {
      const Line across = line_at(is_mirrored ? W - 1 - x : x, W, part, left);
      float* const to = image.data() + static_cast<std::size_t>(y * W + x) * C;
      for (std::size_t c = 0; c < C; ++c) {
        const float upper = std::lerp(pixel(down.first, across.first)[c],
                                      pixel(down.first, across.second)[c], across.share);
        const float lower = std::lerp(pixel(down.second, across.first)[c],
                                      pixel(down.second, across.second)[c], across.share);
        to[c] = brightness * std::lerp(upper, lower, down.share);
      }
    }
  }
  const float mean = mean_of(image);
  for (std::size_t i = 0; i < image.size(); i += C) {
    const std::span<float> values = image.subspan(i, C);
    for (float& v : values) v = (v - mean) * contrast + mean;
    if (!is_colour) continue;
    const float grey = (values[0] + values[1] + values[2]) / 3;
    for (float& v : values) v = (v - grey) * saturation + grey;
  }
  for (float& v : image) v = std::clamp(v, 0.0f, 1.0f);
}

}  // namespace metaplastic
