// The options of the task distribution, each declared once (task.h builds the distribution).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/config.h"
#include "tasks/family_rows.h"

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
  std::vector<float> weights = default_family_weights();  // [family_rows()]
  int min_inputs = 16;
  int max_inputs = 400;
  int min_words = 0;
  int max_words = 0;
  int min_fonts = 20;
  int max_fonts = 200;
  float held_out_share = 0.15f;
  std::vector<std::string> image_sources;
  std::vector<std::string> callables;
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
    for (std::size_t f = 0; f < weights.size(); ++f)
      v(family_rows()[f].name, weights[f], Range{0, 1e6}, family_rows()[f].help);
    v("min_inputs", min_inputs, Range{4, 4096},
      "fewest columns, words or numbers of a task of tables, words or signals (log-uniform)");
    v("max_inputs", max_inputs, Range{4, 4096}, "most columns, words or numbers");
    v("min_words", min_words, Range{0, 4096},
      "fewest words of generated texts; 0: min_inputs. About a thousand words make sparse inputs, "
      "as "
      "real texts do");
    v("max_words", max_words, Range{0, 4096}, "most words; 0: max_inputs");
    v("min_fonts", min_fonts, Range{8, 100000}, "fewest usable font faces to start with");
    v("max_fonts", max_fonts, Range{8, 100000}, "most font faces rendered");
    v("held_out_share", held_out_share, Range{0.01, 0.5},
      "share of fonts, characters and class folders kept for meta-validation");
    v("images", image_sources,
      "the user's own labelled data, each NAME[*WEIGHT][?]=SPEC with a SPEC of the forms images "
      "(folders or zip files), npy, npz or csv, or tables:FOLDER; with ? the entry is left out "
      "when a file is missing");
    v("callables", callables,
      "families that a Python program supplies (docs/research.md), each NAME[*WEIGHT]; "
      "meta.MetaTraining writes them");
    v("max_images_per_class", max_images_per_class, Range{4, 1e6},
      "most images read of one class folder");
    v("appearance_share", appearance_share, Range{0, 1},
      "share of the image tasks with a look of their own: blur, tone, border, light, noise", "0.7");
    v.section("augment", augment);
  }
  // The weight of a family by its name.
  float& weight(std::string_view family) { return weights[family_index(family)]; }
  int fewest_words() const { return min_words > 0 ? min_words : min_inputs; }
  int most_words() const { return max_words > 0 ? max_words : max_inputs; }
};

}  // namespace metaplastic
