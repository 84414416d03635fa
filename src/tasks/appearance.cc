#include "tasks/appearance.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace metaplastic {
namespace {

// The place of row or column i of `side`, in sides from the middle: -1/2 to 1/2.
float place(int i, int side) {
  return (static_cast<float>(i) + 0.5f) / static_cast<float>(side) - 0.5f;
}

// One pass of 1-2-1 along a line of `count` values `stride` apart; the ends are repeated.
void smooth_line(float* line, int count, std::ptrdiff_t stride) {
  float before = line[0];
  for (int i = 0; i < count; ++i) {
    const float here = line[i * stride];
    const float after = i + 1 < count ? line[(i + 1) * stride] : here;
    line[i * stride] = 0.25f * (before + after) + 0.5f * here;
    before = here;
  }
}

}  // namespace

Appearance draw_appearance(float share, Random& random) {
  Appearance look;
  if (random.uniform() >= share) return look;
  const auto sometimes = [&](float probability) { return random.uniform() < probability; };
  if (sometimes(0.5f)) look.blurs = random.between(1, 3);
  if (sometimes(0.5f)) look.tone = random.log_uniform(0.4f, 2.5f);
  look.inverted = sometimes(0.25f);
  if (sometimes(0.4f)) {
    look.fade = random.uniform(0.3f, 1.0f);
    look.fade_radius = random.uniform(0.25f, 0.6f);
    look.fade_x = random.uniform(-0.15f, 0.15f);
    look.fade_y = random.uniform(-0.15f, 0.15f);
  }
  if (sometimes(0.6f)) look.exposure = random.uniform(0.1f, 0.6f);
  if (sometimes(0.25f)) look.offset = random.uniform(0.03f, 0.2f);
  if (sometimes(0.3f)) look.side_light = random.uniform(0.1f, 0.6f);
  if (sometimes(0.3f)) look.noise = random.log_uniform(0.02f, 0.2f);
  return look;
}

Painter::Painter(int side, const Appearance& appearance) : side_(side), appearance_(appearance) {
  METAPLASTIC_CHECK(side >= 1);
  if (appearance_.fade == 0) return;
  const float radius = appearance_.fade_radius;
  for (int i = 0; i < side; ++i) {
    for (int j = 0; j < side; ++j) {
      const float distance =
          std::hypot(place(j, side) - appearance_.fade_x, place(i, side) - appearance_.fade_y);
      const float share = 1 - 1 / (1 + std::pow(distance / radius, 4.0f));
      fade_.push_back(1 - appearance_.fade * share);
    }
  }
}

void Painter::blur(std::span<float> image) const {
  for (int pass = 0; pass < appearance_.blurs; ++pass) {
    for (int i = 0; i < side_; ++i) smooth_line(image.data() + i * side_, side_, 1);
    for (int j = 0; j < side_; ++j) smooth_line(image.data() + j, side_, side_);
  }
}

void Painter::apply(Random& random, std::span<float> image) const {
  METAPLASTIC_CHECK(image.size() == static_cast<std::size_t>(side_ * side_));
  const Appearance& look = appearance_;
  if (look.is_plain()) return;
  blur(image);
  const float gain = look.exposure > 0 ? std::exp(look.exposure * random.normal()) : 1.0f;
  const float offset = look.offset > 0 ? look.offset * random.normal() : 0.0f;
  float light_x = 0, light_y = 0;
  if (look.side_light > 0) {
    light_x = 2 * random.uniform(-look.side_light, look.side_light);
    light_y = 2 * random.uniform(-look.side_light, look.side_light);
  }
  for (int i = 0; i < side_; ++i) {
    for (int j = 0; j < side_; ++j) {
      const auto at = static_cast<std::size_t>(i * side_ + j);
      float value = image[at];
      if (look.tone != 1) value = std::pow(std::max(value, 0.0f), look.tone);
      if (look.inverted) value = 1 - value;
      if (look.fade > 0) value *= fade_[at];
      value *= gain * (1 + light_x * place(j, side_) + light_y * place(i, side_));
      value += offset;
      if (look.noise > 0) value += look.noise * random.normal();
      image[at] = std::clamp(value, 0.0f, 1.0f);
    }
  }
}

}  // namespace metaplastic
