#include "tasks/field_family.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "tasks/field_shading.h"
#include "tasks/field_shape.h"
#include "tasks/field_texture.h"

namespace metaplastic {
namespace {

constexpr int kNumShapes = 32;           // stored instances of a shape class
constexpr int kTexturesPerShape = 5;     // stored realisations of a shape class's texture
constexpr int kTexturesPerTexture = 24;  // of a pure texture class
constexpr int kNumBackgrounds = 4;

enum class FieldKind { kTexture, kSilhouette, kParts };
enum class Background { kBlack, kGrey, kTexture };

struct FieldClass {
  FieldKind kind;
  TextureBank textures;
  std::vector<std::uint8_t> cover, shade;  // [kNumShapes, kSourcePixels]; empty for textures
  float brightness = 0.7f, brightness_range = 0.2f;
  float texture_contrast = 0.3f;
};

class FieldClassSet : public ClassSet {
 public:
  FieldClassSet(int num_classes, Random& random);
  int num_classes() const override { return static_cast<int>(classes_.size()); }
  int num_instances(int c) const override {
    const FieldClass& chosen = classes_[static_cast<std::size_t>(c)];
    return chosen.kind == FieldKind::kTexture ? chosen.textures.count : kNumShapes;
  }
  void instance(int class_index, int instance_index, Random& random,
                std::span<float> out) const override;

 private:
  void draw_shapes(FieldClass& chosen, float likeness, Random& random);
  void draw_background(Random& random);

  std::vector<FieldClass> classes_;
  std::optional<Silhouette> base_silhouette_;
  std::optional<PartObject> base_object_;
  Background background_ = Background::kBlack;
  TextureBank backgrounds_;
  float background_level_ = 0, background_contrast_ = 0;
  float light_range_ = 0;  // how uneven the light may be
};

FieldClassSet::FieldClassSet(int num_classes, Random& random) {
  // Half of the tasks have one kind of class, the others mix them.
  const bool mixed = random.below(4) == 0;
  const auto draw_kind = [&] {
    const float u = random.uniform();
    return u < 0.2f ? FieldKind::kTexture : u < 0.5f ? FieldKind::kSilhouette : FieldKind::kParts;
  };
  const FieldKind common_kind = draw_kind();
  base_silhouette_.emplace(random);
  base_object_.emplace(random);
  const TextureStyle common_style = draw_texture_style(random);
  // How much the classes of this task resemble one another, in shape and in texture.
  const float likeness = random.uniform(0.0f, 0.6f);
  const float style_change = random.below(3) == 0 ? 0.0f : random.uniform(0.3f, 1.0f);
  const float contrast = random.uniform(0.0f, 0.5f);
  light_range_ = random.uniform(0.0f, 0.5f);
  draw_background(random);
  classes_.resize(static_cast<std::size_t>(num_classes));
  for (FieldClass& chosen : classes_) {
    chosen.kind = mixed ? draw_kind() : common_kind;
    const bool texture_only = chosen.kind == FieldKind::kTexture;
    const TextureStyle style = vary_texture_style(
        common_style, texture_only ? std::max(style_change, 1 - likeness) : style_change, random);
    chosen.textures.fill(style, texture_only ? kTexturesPerTexture : kTexturesPerShape, random);
    chosen.brightness = random.uniform(0.55f, 0.85f);
    chosen.brightness_range = random.uniform(0.05f, 0.3f);
    if (background_level_ > 0.5f && !texture_only) chosen.brightness *= 0.5f;
    chosen.texture_contrast = texture_only ? random.uniform(0.4f, 1.0f) : contrast;
    if (!texture_only) draw_shapes(chosen, likeness, random);
  }
}

void FieldClassSet::draw_background(Random& random) {
  const float u = random.uniform();
  background_ = u < 0.5f    ? Background::kBlack
                : u < 0.75f ? Background::kGrey
                            : Background::kTexture;
  if (background_ == Background::kBlack) return;
  // Clearly darker or clearly brighter than most objects.
  background_level_ =
      random.below(3) == 0 ? random.uniform(0.75f, 0.95f) : random.uniform(0.05f, 0.3f);
  if (background_ == Background::kTexture) {
    background_contrast_ = random.uniform(0.1f, 0.4f);
    backgrounds_.fill(draw_texture_style(random), kNumBackgrounds, random);
  }
}

void FieldClassSet::draw_shapes(FieldClass& chosen, float likeness, Random& random) {
  chosen.cover.resize(kNumShapes * kSourcePixels);
  chosen.shade.resize(kNumShapes * kSourcePixels);
  std::optional<Silhouette> silhouette;
  std::optional<PartObject> object;
  if (chosen.kind == FieldKind::kSilhouette) {
    silhouette.emplace(*base_silhouette_, likeness, random);
  } else {
    object.emplace(*base_object_, likeness, random);
  }
  for (std::size_t n = 0; n < kNumShapes; ++n) {
    const ShapeImage image{std::span(chosen.cover).subspan(n * kSourcePixels, kSourcePixels),
                           std::span(chosen.shade).subspan(n * kSourcePixels, kSourcePixels)};
    if (silhouette) {
      silhouette->render(random, image);
    } else {
      object->render(random, image);
    }
  }
}

void FieldClassSet::instance(int class_index, int instance_index, Random& random,
                             std::span<float> out) const {
  constexpr float kUnit = 1.0f / 255.0f;
  const FieldClass& chosen = classes_[static_cast<std::size_t>(class_index)];
  const bool texture_only = chosen.kind == FieldKind::kTexture;
  Shading s{};
  s.brightness = chosen.brightness + chosen.brightness_range * random.uniform(-1.0f, 1.0f);
  s.contrast = kUnit * chosen.texture_contrast * random.uniform(0.7f, 1.3f);
  s.draw_light(light_range_, random);
  const int texture = texture_only ? instance_index : random.between(0, chosen.textures.count - 1);
  const std::uint8_t* inner = chosen.textures.window(texture, random);
  if (texture_only) return shade_texture(s, inner, out.data());

  s.brightness *= 1.2f;  // a part's shade is below 1
  s.outer_level = background_level_ * random.uniform(0.8f, 1.2f);
  const std::uint8_t* outer = inner;  // without a background texture it is read with weight 0
  if (background_ == Background::kTexture) {
    outer = backgrounds_.window(random.between(0, kNumBackgrounds - 1), random);
    s.outer_contrast = kUnit * background_contrast_;
  }
  const auto offset = static_cast<std::size_t>(instance_index) * kSourcePixels;
  shade_object(s, inner, outer, &chosen.cover[offset], &chosen.shade[offset], out.data());
}

}  // namespace

std::unique_ptr<ClassSet> FieldFamily::draw_classes(Split, int num_classes, Random& random) const {
  return std::make_unique<FieldClassSet>(num_classes, random);
}

}  // namespace metaplastic
