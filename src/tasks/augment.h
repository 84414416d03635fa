// Image augmentation whose coefficients are known: each task draws which kinds are active and how
// strong, each example draws its coefficients, and these become regression targets of the probe.
// One inverse affine-plus-elastic warp takes a source image to the task's side. [paper: sec. 5.2]
#pragma once

#include <array>
#include <span>
#include <vector>

#include "base/random.h"
#include "tasks/task_family.h"

namespace metaplastic {

struct AugmentConfig;  // task_config.h

// Largest side of the images that an Augmenter makes.
inline constexpr int kMaxAugmentedSide = 2 * kSourceSide;

enum class Inversion { kNever, kAlways, kPerExample };
enum class Dropout { kNone, kPixels, kRectangle };

// The ranges drawn for one task. A range of 0 means that the kind is inactive.
struct AugmentRanges {
  float shift = 0;      // of the side; coefficients shift_x, shift_y uniform in [-shift, shift]
  float rotation = 0;   // radians; positive turns the image's content clockwise (y points down)
  float log_scale = 0;  // positive coefficient enlarges the content
  float shear = 0;      // positive moves the lower part to the right
  float elastic = 0;    // amplitude as a share of the side; no target
  float log_contrast = 0;
  float brightness = 0;
  float noise = 0;    // each example's level is uniform in [0, noise]
  float dropout = 0;  // each example's share is uniform in [0, dropout]; no target
  Dropout dropout_kind = Dropout::kNone;
  Inversion inversion = Inversion::kNever;

  // Targets in the order shift_x, shift_y, rotation, log_scale, shear, log_contrast, brightness,
  // noise; those of inactive kinds are left out.
  int num_targets() const;
};

// Ranges of one task: with probability 1 - augmented_share all inactive, and then num_targets() 0.
AugmentRanges draw_augment_ranges(const AugmentConfig& config, Random& random);

// Turns source images [kSourceSide, kSourceSide] into images [side, side] of one task.
// Without active kinds and with a side that divides kSourceSide, the result is exactly the mean
// over each block of source pixels. Reading is thread-safe; a Workspace belongs to one thread.
class Augmenter {
 public:
  struct Workspace {
    std::vector<float>
        smoothed;  // the source under a box of the output pixel's size, with a border
  };
  Augmenter(int side, const AugmentRanges& ranges);
  int side() const { return side_; }
  int num_targets() const { return ranges_.num_targets(); }
  const AugmentRanges& ranges() const { return ranges_; }

  // source [kSourcePixels] -> out [side * side] in [0,1]; targets [num_targets], each divided by
  // its range so that it lies in [-1,1].
  void apply(std::span<const float> source, Random& random, Workspace& workspace,
             std::span<float> out, std::span<float> targets) const;

 private:
  int side_;
  AugmentRanges ranges_;
};

}  // namespace metaplastic
