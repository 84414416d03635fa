#include "tasks/dressed_family.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tasks/field_shading.h"
#include "tasks/field_texture.h"

namespace metaplastic {
namespace {

constexpr int kTexturesPerClass = 4;
constexpr int kMaxBlur = 3;  // radius in pixels

using Bytes = std::array<std::uint8_t, kSourcePixels>;

// Mean over 2 radius + 1 pixels of a line, black beyond its ends; `pitch` apart, in place.
void blur_line(float* line, int pitch, int radius) {
  std::array<float, kSourceSide + 2 * kMaxBlur + 1> padded{};
  for (int p = 0; p < kSourceSide; ++p) {
    padded[static_cast<std::size_t>(p + radius + 1)] = line[p * pitch];
  }
  const float scale = 1.0f / static_cast<float>(2 * radius + 1);
  float sum = 0;
  for (int p = 1; p <= 2 * radius; ++p) sum += padded[static_cast<std::size_t>(p)];
  for (int p = 0; p < kSourceSide; ++p) {
    sum +=
        padded[static_cast<std::size_t>(p + 2 * radius + 1)] - padded[static_cast<std::size_t>(p)];
    line[p * pitch] = sum * scale;
  }
}

// Two box filters in each direction, close to a Gaussian of deviation 0.8 radius.
void blur(int radius, std::span<float> image) {
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < kSourceSide; ++i) {
      blur_line(&image[static_cast<std::size_t>(i * kSourceSide)], 1, radius);
      blur_line(&image[static_cast<std::size_t>(i)], kSourceSide, radius);
    }
  }
}

std::uint8_t rounded_byte(float unit) {
  return static_cast<std::uint8_t>(std::floor(255.0f * std::clamp(unit, 0.0f, 1.0f) + 0.5f));
}

// A class's paint.
struct Paint {
  TextureBank textures;
  float brightness;
};

class DressedClassSet : public ClassSet {
 public:
  DressedClassSet(std::unique_ptr<ClassSet> outlines, Random& random);
  int num_classes() const override { return outlines_->num_classes(); }
  int num_instances(int c) const override { return outlines_->num_instances(c); }
  void instance(int class_index, int instance_index, Random& random,
                std::span<float> out) const override;

 private:
  void thicken(Random& random, std::span<float> drawing, Bytes& cover, Bytes& shade) const;

  std::unique_ptr<ClassSet> outlines_;
  std::vector<Paint> paints_;
  TextureBank background_;  // empty for a plain one
  int blur_radius_;
  float level_, level_range_;  // of the blurred drawing at which the object ends; lower is thicker
  float softness_;             // of its edge
  float roundness_;            // how much darker it is towards the edge
  float brightness_range_, texture_contrast_, light_range_;
  float background_level_ = 0, background_contrast_ = 0;
};

DressedClassSet::DressedClassSet(std::unique_ptr<ClassSet> outlines, Random& random)
    : outlines_(std::move(outlines)),
      blur_radius_(random.between(1, kMaxBlur)),
      level_(random.uniform(0.12f, 0.4f)),
      level_range_(random.uniform(0.1f, 0.5f)),
      softness_(random.uniform(0.05f, 0.25f)),
      roundness_(random.uniform(0.0f, 0.6f)),
      brightness_range_(random.uniform(0.05f, 0.45f)),
      texture_contrast_(random.uniform(0.0f, 0.6f)),
      light_range_(random.uniform(0.0f, 0.5f)) {
  const TextureStyle common = draw_texture_style(random);
  // Classes of a task share their brightness and texture to a degree, so that shape has to tell.
  const float style_change = random.below(2) == 0 ? 0.0f : random.uniform(0.2f, 0.8f);
  const float brightness = random.uniform(0.45f, 0.8f);
  const float brightness_change = random.below(2) == 0 ? 0.0f : random.uniform(0.0f, 0.2f);
  paints_.resize(static_cast<std::size_t>(outlines_->num_classes()));
  for (Paint& paint : paints_) {
    paint.textures.fill(vary_texture_style(common, style_change, random), kTexturesPerClass,
                        random);
    paint.brightness = brightness + brightness_change * random.uniform(-1.0f, 1.0f);
  }
  if (random.below(10) < 6) return;                                         // on black
  background_level_ = random.below(3) == 0 ? random.uniform(0.75f, 0.95f)   // brighter than most
                                           : random.uniform(0.05f, 0.25f);  // or darker
  background_contrast_ = random.below(2) == 0 ? 0.0f : random.uniform(0.1f, 0.4f);
  background_.fill(draw_texture_style(random), kTexturesPerClass, random);
}

// drawing [kSourcePixels]: blurred afterwards.
void DressedClassSet::thicken(Random& random, std::span<float> drawing, Bytes& cover,
                              Bytes& shade) const {
  blur(blur_radius_, drawing);
  const float top = std::max(*std::max_element(drawing.begin(), drawing.end()), 1e-3f);
  const float level = level_ * (1 + level_range_ * random.uniform(-1.0f, 1.0f));
  for (std::size_t p = 0; p < drawing.size(); ++p) {
    const float height = drawing[p] / top;
    cover[p] = rounded_byte((height - level) / softness_ + 0.5f);
    shade[p] = rounded_byte(1 - roundness_ * (1 - height));
  }
}

void DressedClassSet::instance(int class_index, int instance_index, Random& random,
                               std::span<float> out) const {
  outlines_->instance(class_index, instance_index, random, out);
  Bytes cover, shade;
  thicken(random, out, cover, shade);

  constexpr float kUnit = 1.0f / 255.0f;
  const Paint& paint = paints_[static_cast<std::size_t>(class_index)];
  Shading s{};
  s.brightness = paint.brightness + brightness_range_ * random.uniform(-1.0f, 1.0f);
  s.contrast = kUnit * texture_contrast_ * random.uniform(0.5f, 1.5f);
  s.draw_light(light_range_, random);
  s.outer_level = background_level_ * random.uniform(0.8f, 1.2f);
  const auto pick = [&](const TextureBank& bank) {
    return bank.window(random.between(0, bank.count - 1), random);
  };
  const std::uint8_t* inner = pick(paint.textures);
  const std::uint8_t* outer = inner;  // on a plain background it is read with weight 0
  if (background_.count > 0) {
    outer = pick(background_);
    s.outer_contrast = kUnit * background_contrast_;
  }
  shade_object(s, inner, outer, cover.data(), shade.data(), out.data());
}

}  // namespace

DressedFamily::DressedFamily(std::shared_ptr<const TaskFamily> outlines)
    : outlines_(std::move(outlines)) {
  METAPLASTIC_CHECK(outlines_ != nullptr);
}

std::unique_ptr<ClassSet> DressedFamily::draw_classes(Split split, int num_classes,
                                                      Random& random) const {
  return std::make_unique<DressedClassSet>(outlines_->draw_classes(split, num_classes, random),
                                           random);
}

}  // namespace metaplastic
