// The options of the task distribution, each declared once (task.h builds the distribution).
#pragma once

#include <string>
#include <vector>

#include "data/augment.h"

namespace metaplastic {

struct TaskConfig {
  int image_side = 14;
  int min_classes = 2;
  int max_classes = 10;
  bool permute_inputs = true;
  float glyph_weight = 1.0f;
  float field_weight = 1.0f;
  int min_fonts = 20;
  int max_fonts = 250;
  float held_out_share = 0.15f;
  // Further families, one string each: NAME=PATH[,PATH...]:WEIGHT, e.g.
  // "omniglot=data/background.zip:1"; a '?' at the end makes the source optional.
  std::vector<std::string> image_sources;
  int max_images_per_class = 2000;
  AugmentConfig augment;
};

}  // namespace metaplastic
