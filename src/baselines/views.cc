#include "baselines/views.h"

#include <algorithm>

#include "tasks/task_family.h"

namespace metaplastic {
namespace {

constexpr float kMaxMasked = 0.5f;

// Milder than the extremes of meta-training's tasks: a view should still be of its class.
AugmentRanges view_ranges() {
  AugmentRanges ranges;
  ranges.shift = 0.15f;
  ranges.rotation = 0.2f;
  ranges.log_scale = 0.2f;
  ranges.log_contrast = 0.5f;
  ranges.brightness = 0.2f;
  ranges.noise = 0.1f;
  ranges.dropout = 0.2f;
  ranges.dropout_kind = Dropout::kRectangle;
  return ranges;
}

int side_of(const ImageShape& image) {
  const bool fits =
      image.channels >= 1 && image.height == image.width && image.height <= kMaxAugmentedSide;
  return fits ? image.height : 0;
}

}  // namespace

ViewMaker::ViewMaker(const ImageShape& image)
    : side_(side_of(image)),
      channels_(image.channels),
      augmenter_(std::max(1, side_), view_ranges()),
      source_(static_cast<std::size_t>(kSourcePixels)) {}

void ViewMaker::make(std::span<const float> row, Random& random, std::span<float> view) {
  if (side_ == 0) {
    const float share = random.uniform(0.0f, kMaxMasked);
    for (std::size_t u = 0; u < row.size(); ++u) view[u] = random.uniform() < share ? 0.0f : row[u];
    return;
  }
  const Random before = random;
  channel_.resize(static_cast<std::size_t>(side_ * side_));
  for (int c = 0; c < channels_; ++c) {
    random = before;  // every channel gets the same augmentation
    // The augmenter reads images of kSourceSide: nearest pixels, which it averages again.
    for (int y = 0; y < kSourceSide; ++y) {
      for (int x = 0; x < kSourceSide; ++x) {
        const int pixel = (y * side_ / kSourceSide) * side_ + x * side_ / kSourceSide;
        source_[static_cast<std::size_t>(y * kSourceSide + x)] =
            row[static_cast<std::size_t>(pixel * channels_ + c)];
      }
    }
    float targets[8];
    augmenter_.apply(source_, random, workspace_, channel_,
                     {targets, static_cast<std::size_t>(augmenter_.num_targets())});
    for (std::size_t i = 0; i < channel_.size(); ++i)
      view[i * static_cast<std::size_t>(channels_) + static_cast<std::size_t>(c)] = channel_[i];
  }
}

}  // namespace metaplastic
