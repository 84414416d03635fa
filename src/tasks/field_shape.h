// Shapes of the procedural classes: silhouettes (a thresholded smooth random field, mixed anew from
// a few templates) and objects made of parts (ellipses, boxes, bars, mirrored or in rows, with
// holes). A shape class is a small distribution: every instance has its own proportions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "tasks/field_texture.h"
#include "tasks/task_family.h"

namespace metaplastic {

// One instance: how far each pixel belongs to the object, and the shade of the part it belongs to.
struct ShapeImage {
  std::span<std::uint8_t> cover;  // [kSourcePixels] 0..255
  std::span<std::uint8_t> shade;  // [kSourcePixels] 0..255
};

class Silhouette {
 public:
  // A fresh silhouette, or, with likeness in (0,1], one that shares that share of its waves' weight
  // with `base`.
  explicit Silhouette(Random& random);
  Silhouette(const Silhouette& base, float likeness, Random& random);
  void render(Random& random, ShapeImage out) const;

 private:
  void draw_templates(Random& random);
  static constexpr int kNumTemplates = 3;
  static constexpr int kWavesPerTemplate = 6;
  std::vector<Wave> waves_;  // [kNumTemplates * kWavesPerTemplate]
  float threshold_, sharpness_, roundness_;
};

struct Part {
  bool bar;        // a bar with round ends and a taper; otherwise a superellipse
  int roundness;   // superellipse exponent 2, 4 or 8
  float x, y;      // centre in [-1,1], y points down
  float rx, ry;    // half sizes
  float angle;     // radians
  float shade;     // in [0,1]
  float presence;  // probability that an instance has it
  float taper;     // bar: radius at the end over radius at the start
  bool mirrored;   // a second copy on the other side of the vertical axis
  bool hole;       // takes away
};

class PartObject {
 public:
  explicit PartObject(Random& random);
  // An object of the same plan whose parts are moved, resized or replaced the more the smaller
  // `likeness` in [0,1] is.
  PartObject(const PartObject& base, float likeness, Random& random);
  void render(Random& random, ShapeImage out) const;

 private:
  std::vector<Part> parts_;
  float looseness_;  // size of the variation among instances
  float outline_;    // line width in pixels of an outlined object, 0 for a filled one
};

}  // namespace metaplastic
