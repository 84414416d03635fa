// Random textures as sums of plane waves: a style is a class-like spectrum with a nonlinearity, and
// each realisation of it is fresh. Used by field_family.h, as are the shapes of field_shape.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"

namespace metaplastic {

// value(x, y) = amplitude * cos(kx * x + ky * y + phase), x and y in pixels.
struct Wave {
  float kx, ky, amplitude, phase;
};

// Adds the waves to out [side, side], row by row. Cost: 4 side^2 flops per wave.
void add_waves(std::span<const Wave> waves, int side, std::span<float> out);

enum class TextureShape { kPlain, kRidges, kValleys, kSharp };

// A spectrum of amplitude f^-exponent between two frequencies in cycles per kSourceSide pixels,
// around a direction (radians) with a half-width of `spread` (pi/2 = isotropic).
struct TextureStyle {
  float low_frequency = 1, high_frequency = 8, exponent = 1;
  float direction = 0, spread = 1.6f;
  bool crossed = false;  // a second family of waves at right angles, as in woven cloth
  TextureShape shape = TextureShape::kPlain;
};

TextureStyle draw_texture_style(Random& random);
// The same style with every number moved by a share `amount` in [0,1] towards a fresh style.
TextureStyle vary_texture_style(const TextureStyle& style, float amount, Random& random);
// One realisation with values in 0..255 and mean near 128, out [side * side].
void render_texture(const TextureStyle& style, int side, Random& random,
                    std::span<std::uint8_t> out);

}  // namespace metaplastic
