#include "data/field_family.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "data/field_shape.h"
#include "data/field_texture.h"

namespace metaplastic {
namespace {

constexpr int kNumShapes = 32;           // stored instances of a shape class
constexpr int kTexturesPerShape = 5;     // stored realisations of a shape class's texture
constexpr int kTexturesPerTexture = 24;  // of a pure texture class
constexpr int kNumBackgrounds = 4;
constexpr int kTextureSide = 40;  // larger than an image: every use cuts another window
constexpr int kTexturePixels = kTextureSide * kTextureSide;

enum class FieldKind { kTexture, kSilhouette, kParts };
enum class Background { kBlack, kGrey, kTexture };

// Textures [count, kTextureSide, kTextureSide].
struct TextureBank {
  std::vector<std::uint8_t> pixels;
  int count = 0;

  void fill(const TextureStyle& style, int num_textures, Random& random) {
    count = num_textures;
    pixels.resize(static_cast<std::size_t>(count * kTexturePixels));
    for (int n = 0; n < count; ++n) {
      render_texture(
          style, kTextureSide, random,
          std::span(pixels).subspan(static_cast<std::size_t>(n * kTexturePixels), kTexturePixels));
    }
  }
  // Top left corner of a random window of texture n; rows are kTextureSide apart.
  const std::uint8_t* window(int n, Random& random) const {
    const int y = random.between(0, kTextureSide - kSourceSide);
    const int x = random.between(0, kTextureSide - kSourceSide);
    return &pixels[static_cast<std::size_t>(n * kTexturePixels + y * kTextureSide + x)];
  }
};

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
  const float likeness = random.uniform(0.0f, 0.75f);
  const float style_change = random.below(3) == 0 ? 0.0f : random.uniform(0.3f, 1.0f);
  const float contrast = random.uniform(0.0f, 0.6f);
  light_range_ = random.uniform(0.0f, 0.5f);
  draw_background(random);
  classes_.resize(static_cast<std::size_t>(num_classes));
  for (FieldClass& chosen : classes_) {
    chosen.kind = mixed ? draw_kind() : common_kind;
    const bool texture_only = chosen.kind == FieldKind::kTexture;
    const TextureStyle style = vary_texture_style(
        common_style, texture_only ? std::max(style_change, 1 - likeness) : style_change, random);
    chosen.textures.fill(style, texture_only ? kTexturesPerTexture : kTexturesPerShape, random);
    chosen.brightness = random.uniform(0.45f, 0.85f);
    chosen.brightness_range = random.uniform(0.1f, 0.35f);
    chosen.texture_contrast = texture_only ? random.uniform(0.4f, 1.0f) : contrast;
    if (!texture_only) draw_shapes(chosen, likeness, random);
  }
}

void FieldClassSet::draw_background(Random& random) {
  const float u = random.uniform();
  background_ = u < 0.5f ? Background::kBlack : u < 0.7f ? Background::kGrey : Background::kTexture;
  if (background_ == Background::kBlack) return;
  background_level_ = random.uniform(0.1f, 0.6f);
  if (background_ == Background::kTexture) {
    background_contrast_ = random.uniform(0.2f, 0.6f);
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
  const float brightness =
      chosen.brightness + chosen.brightness_range * random.uniform(-1.0f, 1.0f);
  const float contrast = kUnit * chosen.texture_contrast * random.uniform(0.7f, 1.3f);
  const float light_x = light_range_ * random.uniform(-1.0f, 1.0f) * 2 / kSourceSide;
  const float light_y = light_range_ * random.uniform(-1.0f, 1.0f) * 2 / kSourceSide;
  const int texture = texture_only ? instance_index : random.between(0, chosen.textures.count - 1);
  const std::uint8_t* inner = chosen.textures.window(texture, random);
  // Without a background texture the object's own is read, with weight 0.
  const bool textured = background_ == Background::kTexture;
  const std::uint8_t* outer =
      textured ? backgrounds_.window(random.between(0, kNumBackgrounds - 1), random) : inner;
  const float outer_contrast = textured ? kUnit * background_contrast_ : 0.0f;
  const float outer_level =
      background_level_ > 0 ? background_level_ * random.uniform(0.7f, 1.3f) : 0.0f;
  const auto offset = static_cast<std::size_t>(texture_only ? 0 : instance_index * kSourcePixels);

  for (int y = 0; y < kSourceSide; ++y) {
    const auto row = static_cast<std::size_t>(y * kSourceSide);
    const float light = 1 - 0.5f * kSourceSide * light_x + light_y * (static_cast<float>(y) - 14);
    const std::uint8_t* inner_row = inner + y * kTextureSide;
    const std::uint8_t* outer_row = outer + y * kTextureSide;
    float* to = &out[row];
    for (int x = 0; x < kSourceSide; ++x) {
      const float lit = light + light_x * static_cast<float>(x);
      const float detail = contrast * (static_cast<float>(inner_row[x]) - 128.0f);
      float value = lit * (brightness + detail);
      if (!texture_only) {
        const float cover = kUnit * static_cast<float>(chosen.cover[offset + row + x]);
        const float shade = kUnit * static_cast<float>(chosen.shade[offset + row + x]);
        const float behind =
            outer_level + outer_contrast * (static_cast<float>(outer_row[x]) - 128.0f);
        value = behind + cover * (lit * shade * (brightness + detail) * 1.2f - behind);
      }
      to[x] = std::min(std::max(value, 0.0f), 1.0f);
    }
  }
}

}  // namespace

std::unique_ptr<ClassSet> FieldFamily::draw_classes(Split, int num_classes, Random& random) const {
  return std::make_unique<FieldClassSet>(num_classes, random);
}

}  // namespace metaplastic
