// The look that all images of a task share, and how it wavers from example to example: blur, tone
// curve, a fading border, exposure, light from one side, noise. Unlike the augmentations of
// augment.h its coefficients are no targets: a rule has to live with them.
#pragma once

#include <span>
#include <vector>

#include "base/random.h"

namespace metaplastic {

// Of one task; numbers that are 0 (tone: 1) change nothing.
struct Appearance {
  int blurs = 0;                 // passes of a 1-2-1 kernel over rows and columns
  float tone = 1;                // grey v becomes v^tone
  bool inverted = false;         // v becomes 1 - v, before the border fades
  float fade = 0;                // how much darker the corners are, as a share
  float fade_radius = 1;         // distance from the centre where half of that is reached, in sides
  float fade_x = 0, fade_y = 0;  // the centre, in sides from the middle
  float exposure = 0;            // deviation of the logarithm of each example's gain
  float offset = 0;              // deviation of what each example adds to every pixel
  float side_light = 0;          // largest change of the gain from the middle to a side
  float noise = 0;               // deviation of each pixel's noise

  bool is_plain() const { return *this == Appearance{}; }
  bool operator==(const Appearance&) const = default;
};

// With probability `share` a look of its own, else a plain one.
Appearance draw_appearance(float share, Random& random);

// Applies a look to images of one size. Reading is thread-safe.
class Painter {
 public:
  Painter(int side, const Appearance& appearance);
  const Appearance& appearance() const { return appearance_; }
  // Changes image [side * side] in place; values stay in [0,1].
  void apply(Random& random, std::span<float> image) const;

 private:
  void blur(std::span<float> image) const;

  int side_;
  Appearance appearance_;
  std::vector<float> fade_;  // [side * side], empty without a fade
};

}  // namespace metaplastic
