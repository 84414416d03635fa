#include "tasks/field_texture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "tasks/task_family.h"

namespace metaplastic {
namespace {

constexpr float kHalfTurn = std::numbers::pi_v<float>;
constexpr int kMaxTextureSide = 64;
constexpr int kNumTextureWaves = 14;

struct CosineTable {
  std::array<float, kMaxTextureSide> cosine, sine;
};

// cos and sin of step * i + start for i < count, by repeated rotation.
void fill_table(float step, float start, int count, CosineTable& table) {
  const float turn_cos = std::cos(step), turn_sin = std::sin(step);
  float c = std::cos(start), s = std::sin(start);
  for (int i = 0; i < count; ++i) {
    table.cosine[static_cast<std::size_t>(i)] = c;
    table.sine[static_cast<std::size_t>(i)] = s;
    const float next = c * turn_cos - s * turn_sin;
    s = s * turn_cos + c * turn_sin;
    c = next;
  }
}

float mix(float from, float to, float amount) { return from + amount * (to - from); }

float shape_value(TextureShape shape, float value) {
  switch (shape) {
    case TextureShape::kPlain:
      return 0.5f + 0.28f * value;
    case TextureShape::kRidges:
      return 1.1f - 0.75f * std::fabs(value);
    case TextureShape::kValleys:
      return 0.75f * std::fabs(value) - 0.1f;
    case TextureShape::kSharp:
      return 0.5f + 1.4f * value;
  }
  return 0.5f;
}

}  // namespace

void add_waves(std::span<const Wave> waves, int side, std::span<float> out) {
  METAPLASTIC_CHECK(side <= kMaxTextureSide && out.size() == static_cast<std::size_t>(side * side));
  CosineTable column, row;
  for (const Wave& wave : waves) {
    fill_table(wave.kx, wave.phase, side, column);
    fill_table(wave.ky, 0.0f, side, row);
    for (int y = 0; y < side; ++y) {
      const float c = wave.amplitude * row.cosine[static_cast<std::size_t>(y)];
      const float s = wave.amplitude * row.sine[static_cast<std::size_t>(y)];
      float* to = &out[static_cast<std::size_t>(y * side)];
      for (int x = 0; x < side; ++x) {
        to[x] += c * column.cosine[static_cast<std::size_t>(x)] -
                 s * column.sine[static_cast<std::size_t>(x)];
      }
    }
  }
}

TextureStyle draw_texture_style(Random& random) {
  TextureStyle style;
  style.low_frequency = random.log_uniform(0.5f, 5.0f);
  style.high_frequency = std::min(10.0f, style.low_frequency * random.log_uniform(1.2f, 12.0f));
  style.exponent = random.uniform(0.0f, 2.0f);
  style.direction = random.uniform(0.0f, kHalfTurn);
  style.spread = random.below(2) == 0 ? 0.5f * kHalfTurn : random.uniform(0.05f, 0.6f);
  style.crossed = random.below(4) == 0;
  style.shape = static_cast<TextureShape>(random.below(4));
  return style;
}

TextureStyle vary_texture_style(const TextureStyle& style, float amount, Random& random) {
  const TextureStyle other = draw_texture_style(random);
  TextureStyle varied = style;
  varied.low_frequency = mix(style.low_frequency, other.low_frequency, amount);
  varied.high_frequency = mix(style.high_frequency, other.high_frequency, amount);
  varied.exponent = mix(style.exponent, other.exponent, amount);
  varied.direction = mix(style.direction, other.direction, amount);
  varied.spread = mix(style.spread, other.spread, amount);
  if (random.uniform() < amount) varied.crossed = other.crossed;
  if (random.uniform() < amount) varied.shape = other.shape;
  return varied;
}

void render_texture(const TextureStyle& style, int side, Random& random,
                    std::span<std::uint8_t> out) {
  std::array<Wave, kNumTextureWaves> waves;
  const float low = std::max(style.low_frequency, 0.3f);
  const float high = std::max(style.high_frequency, low * 1.01f);
  float power = 0;
  for (int n = 0; n < kNumTextureWaves; ++n) {
    const float frequency = random.log_uniform(low, high);
    float angle = style.direction + style.spread * random.uniform(-1.0f, 1.0f);
    if (style.crossed && n % 2 == 1) angle += 0.5f * kHalfTurn;
    const float k = 2 * kHalfTurn * frequency / kSourceSide;
    const float amplitude = std::pow(frequency / low, -style.exponent);
    power += 0.5f * amplitude * amplitude;
    waves[static_cast<std::size_t>(n)] = {k * std::cos(angle), k * std::sin(angle), amplitude,
                                          random.uniform(0.0f, 2 * kHalfTurn)};
  }
  const float scale = 1.0f / std::sqrt(power);
  for (Wave& wave : waves) wave.amplitude *= scale;
  std::array<float, kMaxTextureSide * kMaxTextureSide> values;
  const auto used = std::span(values).first(out.size());
  std::fill(used.begin(), used.end(), 0.0f);
  add_waves(waves, side, used);
  for (std::size_t p = 0; p < out.size(); ++p) {
    const float value = shape_value(style.shape, used[p]);
    out[p] = static_cast<std::uint8_t>(255.0f * std::clamp(value, 0.0f, 1.0f));
  }
}

}  // namespace metaplastic
