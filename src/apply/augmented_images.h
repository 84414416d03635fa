// Images as they might have been taken as well: a part of each, at full size, in other light.
// What such views share is what an image shows. docs/layers.md, "Whitening by views".
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "data/dataset.h"

namespace metaplastic {

// One view of each image, a function of (image, seed, row): a crop of 50 to 100 % of its area,
// enlarged to its size, with another brightness and contrast. Colour images also get another
// saturation, and every other one is mirrored; grey images may be characters, which must not be.
class AugmentedImages : public RowSource {
 public:
  AugmentedImages(std::shared_ptr<const RowSource> images, const ImageShape& shape,
                  std::uint64_t seed);
  std::int64_t num_rows() const override { return images_->num_rows(); }
  int num_features() const override { return images_->num_features(); }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;

 private:
  void view(std::int64_t row, std::span<float> image, std::span<float> scratch) const;

  std::shared_ptr<const RowSource> images_;
  ImageShape shape_;
  std::uint64_t seed_;
};

}  // namespace metaplastic
