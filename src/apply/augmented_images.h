// Images as they might have been taken as well: a part of each, at full size, in other light.
// What such views share is what an image shows. docs/layers.md, "Whitening by views".
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "apply/image_views.h"

namespace metaplastic {

// One view of each image, a function of (image, seed, row): a crop of 50 to 100 % of its area,
// enlarged to its size, with another brightness and contrast. Colour images also get another
// saturation, and every other one is mirrored; grey images may be characters, which must not be.
class AugmentedImages : public ImageViews {
 public:
  AugmentedImages(std::shared_ptr<const RowSource> images, const ImageShape& shape,
                  std::uint64_t seed)
      : ImageViews(std::move(images), shape, seed) {}

 private:
  void view(std::int64_t row, std::span<float> image, std::span<float> scratch) const override;
};

}  // namespace metaplastic
