// The options of the task distribution, each declared once (task.h builds the distribution).
#pragma once

#include <string>
#include <vector>

#include "io/config.h"

namespace metaplastic {

// Largest ranges of the augmentations; each task draws which are active, and how strong.
struct AugmentConfig {
  float augmented_share = 0.7f;
  float kind_probability = 0.5f;
  float max_shift = 0.2f;
  float max_rotation = 0.6f;
  float max_scale = 1.35f;
  float max_shear = 0.3f;
  float max_elastic = 0.06f;
  float max_contrast = 2.5f;
  float max_brightness = 0.3f;
  float max_noise = 0.3f;
  float max_dropout = 0.3f;
  float inversion_probability = 0.25f;

  template <class Visitor>
  void visit(Visitor& v) {
    v("augmented_share", augmented_share, Range{0, 1},
      "share of the tasks whose images are augmented");
    v("kind_probability", kind_probability, Range{0, 1},
      "probability of each kind in an augmented task");
    v("max_shift", max_shift, Range{0, 1}, "largest shift, as a share of the image side");
    v("max_rotation", max_rotation, Range{0, 3.1416}, "largest rotation, radians");
    v("max_scale", max_scale, Range{1, 4}, "largest scale factor, up or down");
    v("max_shear", max_shear, Range{0, 1}, "largest shear, horizontal move per vertical move");
    v("max_elastic", max_elastic, Range{0, 0.5},
      "largest smooth displacement, as a share of the image side");
    v("max_contrast", max_contrast, Range{1, 10}, "largest contrast factor, up or down");
    v("max_brightness", max_brightness, Range{0, 1}, "largest grey value added or taken away");
    v("max_noise", max_noise, Range{0, 2}, "largest standard deviation of the noise");
    v("max_dropout", max_dropout, Range{0, 1}, "largest share of the pixels masked");
    v("inversion_probability", inversion_probability, Range{0, 1},
      "probability that an augmented task inverts all or half of its images");
  }
};

struct TaskConfig {
  int image_side = 14;
  int min_classes = 3;
  int max_classes = 10;
  bool permute_inputs = true;
  float glyph_weight = 1.0f;
  float field_weight = 1.0f;
  float dressed_weight = 0.0f;
  float table_weight = 0.0f;
  float word_weight = 0.0f;
  int min_inputs = 16;
  int max_inputs = 400;
  int min_fonts = 20;
  int max_fonts = 200;
  float held_out_share = 0.15f;
  std::vector<std::string> image_sources;
  int max_images_per_class = 2000;
  float appearance_share = 0.0f;
  AugmentConfig augment;

  template <class Visitor>
  void visit(Visitor& v) {
    v("image_side", image_side, Range{4, 56}, "side of the tasks' square grey images", "14 and 28");
    v("min_classes", min_classes, Range{2, 1000},
      "fewest classes of a task; with two, the cosine objective has no gradient unless augmented");
    v("max_classes", max_classes, Range{2, 1000}, "most classes of a task", "10");
    v("permute_inputs", permute_inputs, "permute the pixels, anew for every task", "true");
    v("glyphs", glyph_weight, Range{0, 1e6}, "weight of rendered characters among the families");
    v("fields", field_weight, Range{0, 1e6}, "weight of procedural images among the families");
    v("dressed", dressed_weight, Range{0, 1e6},
      "weight of solid, textured objects with the outlines of characters among the families");
    v("tables", table_weight, Range{0, 1e6}, "weight of generated tables among the families");
    v("words", word_weight, Range{0, 1e6}, "weight of generated bags of words among the families");
    v("min_inputs", min_inputs, Range{4, 4096},
      "fewest columns or words of a task of tables or words (log-uniform)");
    v("max_inputs", max_inputs, Range{4, 4096}, "most columns or words");
    v("min_fonts", min_fonts, Range{8, 100000}, "fewest usable font faces to start with");
    v("max_fonts", max_fonts, Range{8, 100000}, "most font faces rendered");
    v("held_out_share", held_out_share, Range{0.01, 0.5},
      "share of fonts, characters and class folders kept for meta-validation");
    v("images", image_sources,
      "further class images, each NAME=PATH[,PATH...][:WEIGHT][?] with folders or zip files; "
      "a final ? makes the source optional");
    v("max_images_per_class", max_images_per_class, Range{4, 1e6},
      "most images read of one class folder");
    v("appearance_share", appearance_share, Range{0, 1},
      "share of the image tasks with a look of their own: blur, tone, border, light, noise", "0.7");
    v.section("augment", augment);
  }
};

}  // namespace metaplastic
