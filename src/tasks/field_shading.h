// Light on textured surfaces and objects: what field_family.h and dressed_family.h paint with.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "tasks/field_texture.h"
#include "tasks/task_family.h"

namespace metaplastic {

inline constexpr int kTextureSide = 40;  // larger than an image: every use cuts another window
inline constexpr int kTexturePixels = kTextureSide * kTextureSide;

// Textures [count, kTextureSide, kTextureSide].
struct TextureBank {
  std::vector<std::uint8_t> pixels;
  int count = 0;

  void fill(const TextureStyle& style, int num_textures, Random& random);
  // Top left corner of a random window of texture n; rows are kTextureSide apart.
  const std::uint8_t* window(int n, Random& random) const;
};

// Light falls off linearly over the image; everything else is constant within one instance.
struct Shading {
  float brightness, contrast;  // of the object's texture, whose bytes have mean 128
  float outer_level, outer_contrast;
  float light, light_x, light_y;  // at the top left pixel, per column, per row

  // Light that changes by at most light_range from the middle to a side; 1 in the middle.
  void draw_light(float light_range, Random& random);
};

// A texture that fills the image. inner: window with rows kTextureSide apart; out [kSourcePixels].
void shade_texture(const Shading& s, const std::uint8_t* __restrict inner, float* __restrict out);

// A textured object on its background; cover and shade [kSourcePixels], out [kSourcePixels].
void shade_object(const Shading& s, const std::uint8_t* __restrict inner,
                  const std::uint8_t* __restrict outer, const std::uint8_t* __restrict cover,
                  const std::uint8_t* __restrict shade, float* __restrict out);

}  // namespace metaplastic
