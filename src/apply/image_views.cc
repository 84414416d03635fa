#include "apply/image_views.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/nearest.h"
#include "base/random.h"
#include "base/text.h"

namespace metaplastic {
namespace {

// Streams of Purpose::kViewNoise beyond those of inner steps.
constexpr std::uint64_t kImageStream = std::uint64_t{1} << 40,
                        kPlaceStream = std::uint64_t{2} << 40;
constexpr int kShiftPart = 8;         // of the side: the largest shift
constexpr float kLogContrast = 0.4f;  // contrast exp(-0.4) to exp(0.4), about the image's mean
constexpr float kBrightness = 0.15f;  // of white

}  // namespace

const std::vector<std::string>& view_kind_names() {
  static const std::vector<std::string> kNames = {"neighbours", "places", "shifts", "mirrors"};
  return kNames;
}

ViewKind view_kind_from_name(std::string_view name) {
  const auto found = std::ranges::find(view_kind_names(), name);
  if (found == view_kind_names().end()) {
    fail("views: expected one of {}, found {}{}", join_names(view_kind_names()),
         quote_text(std::string(name)), did_you_mean(name, view_kind_names()));
  }
  return static_cast<ViewKind>(found - view_kind_names().begin());
}

ImageViews::ImageViews(std::shared_ptr<const RowSource> images, const ImageShape& shape,
                       std::uint64_t seed)
    : images_(std::move(images)), shape_(shape), seed_(seed) {
  METAPLASTIC_CHECK(images_->num_features() == shape.size());
}

void ImageViews::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  images_->read_rows(first, count, out);
  const auto size = static_cast<std::size_t>(shape_.size());
  std::vector<float> scratch(size);
  for (std::int64_t i = 0; i < count; ++i)
    view(first + i, out.subspan(static_cast<std::size_t>(i) * size, size), scratch);
}

void ViewedImages::view(std::int64_t row, std::span<float> image, std::span<float> scratch) const {
  Random random(seed(), Purpose::kViewNoise, kImageStream + static_cast<std::uint64_t>(row));
  const int H = shape().height, W = shape().width;
  const int down = random.between(-H / kShiftPart, H / kShiftPart);
  const int across = random.between(-W / kShiftPart, W / kShiftPart);
  const float contrast = std::exp(random.uniform(-kLogContrast, kLogContrast));
  const float brightness = random.uniform(-kBrightness, kBrightness);
  const bool mirrored = mirrors_ && random.below(2) == 1;
  float sum = 0;
  for (const float v : image) sum += v;
  const float mean = sum / static_cast<float>(image.size());
  std::ranges::copy(image, scratch.begin());
  const auto C = static_cast<std::size_t>(shape().channels);
  for (int y = 0; y < H; ++y) {
    for (int x = 0; x < W; ++x) {
      const int from_y = std::clamp(y + down, 0, H - 1);
      const int shifted = std::clamp(x + across, 0, W - 1);
      const int from_x = mirrored ? W - 1 - shifted : shifted;
      const auto from = static_cast<std::size_t>(from_y * W + from_x) * C;
      const auto to = static_cast<std::size_t>(y * W + x) * C;
      for (std::size_t c = 0; c < C; ++c)
        image[to + c] = (scratch[from + c] - mean) * contrast + mean + brightness;
    }
  }
}

void OtherPlaces::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  std::vector<std::int64_t> rows;
  for (std::int64_t row = first; row < first + count; ++row) {
    Random random(seed_, Purpose::kViewNoise, kPlaceStream + static_cast<std::uint64_t>(row));
    rows.push_back(row / num_places_ * num_places_ +
                   random.below(static_cast<std::uint32_t>(num_places_)));
  }
  gather_rows(*windows_, rows, out);
}

}  // namespace metaplastic
