#include "tasks/field_shading.h"

#include <algorithm>
#include <cstddef>

namespace metaplastic {
namespace {

float clamp_unit(float value) { return std::min(std::max(value, 0.0f), 1.0f); }

}  // namespace

void TextureBank::fill(const TextureStyle& style, int num_textures, Random& random) {
  count = num_textures;
  pixels.resize(static_cast<std::size_t>(count * kTexturePixels));
  for (int n = 0; n < count; ++n) {
    render_texture(
        style, kTextureSide, random,
        std::span(pixels).subspan(static_cast<std::size_t>(n * kTexturePixels), kTexturePixels));
  }
}

const std::uint8_t* TextureBank::window(int n, Random& random) const {
  const int y = random.between(0, kTextureSide - kSourceSide);
  const int x = random.between(0, kTextureSide - kSourceSide);
  return &pixels[static_cast<std::size_t>(n * kTexturePixels + y * kTextureSide + x)];
}

void Shading::draw_light(float light_range, Random& random) {
  light_x = light_range * random.uniform(-1.0f, 1.0f) * 2 / kSourceSide;
  light_y = light_range * random.uniform(-1.0f, 1.0f) * 2 / kSourceSide;
  light = 1 - 0.5f * kSourceSide * (light_x + light_y);
}

void shade_texture(const Shading& s, const std::uint8_t* __restrict inner, float* __restrict out) {
  for (int y = 0; y < kSourceSide; ++y, inner += kTextureSide, out += kSourceSide) {
    const float light = s.light + s.light_y * static_cast<float>(y);
    for (int x = 0; x < kSourceSide; ++x) {
      const float lit = light + s.light_x * static_cast<float>(x);
      const float detail = s.contrast * static_cast<float>(inner[x] - 128);
      out[x] = clamp_unit(lit * (s.brightness + detail));
    }
  }
}

void shade_object(const Shading& s, const std::uint8_t* __restrict inner,
                  const std::uint8_t* __restrict outer, const std::uint8_t* __restrict cover,
                  const std::uint8_t* __restrict shade, float* __restrict out) {
  constexpr float kUnit = 1.0f / 255.0f;
  for (int y = 0; y < kSourceSide; ++y) {
    const float light = kUnit * (s.light + s.light_y * static_cast<float>(y));
    const float light_x = kUnit * s.light_x;
    for (int x = 0; x < kSourceSide; ++x) {
      const float lit = light + light_x * static_cast<float>(x);
      const float behind = s.outer_level + s.outer_contrast * static_cast<float>(outer[x] - 128);
      const float front = lit * static_cast<float>(shade[x]) *
                          (s.brightness + s.contrast * static_cast<float>(inner[x] - 128));
      out[x] = clamp_unit(behind + kUnit * static_cast<float>(cover[x]) * (front - behind));
    }
    inner += kTextureSide;
    outer += kTextureSide;
    cover += kSourceSide;
    shade += kSourceSide;
    out += kSourceSide;
  }
}

}  // namespace metaplastic
