// Augmented views of a row: what stays the same is what a network should see.
#pragma once

#include <span>
#include <vector>

#include "base/random.h"
#include "data/dataset.h"
#include "tasks/augment.h"

namespace metaplastic {

// What makes one view of a prepared row. Square images up to 56 pixels a side: shift, rotation,
// scale, contrast, brightness, noise, a masked rectangle, the same for every channel. Other rows: a
// share of the inputs set to 0, up to a half.
class ViewMaker {
 public:
  explicit ViewMaker(const ImageShape& image);
  bool augments_images() const { return side_ > 0; }
  // row [U_0] -> view [U_0]
  void make(std::span<const float> row, Random& random, std::span<float> view);

 private:
  int side_;  // 0: not an image that can be augmented
  int channels_;
  Augmenter augmenter_;
  Augmenter::Workspace workspace_;
  std::vector<float> source_, channel_;  // [kSourcePixels], [side, side]
};

}  // namespace metaplastic
