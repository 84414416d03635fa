#include "tasks/field_shape.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace metaplastic {
namespace {

constexpr float kPi = std::numbers::pi_v<float>;
constexpr float kPixelsPerUnit = 0.5f * kSourceSide;
using Plane = std::array<float, kSourcePixels>;

std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(255.0f * std::min(std::max(value, 0.0f), 1.0f));
}

// Pixel centres in [-1,1] after a random affine map and a smooth bend: the object's proportions in
// one instance.
void draw_coordinates(float looseness, Random& random, Plane& xs, Plane& ys) {
  const float turn = 0.35f * looseness * random.normal();
  const float width = std::exp(0.35f * looseness * random.normal());
  const float height = std::exp(0.35f * looseness * random.normal());
  const float lean = 0.3f * looseness * random.normal();
  const float cosine = std::cos(turn), sine = std::sin(turn);
  const float move_x = 0.2f * looseness * random.normal();
  const float move_y = 0.2f * looseness * random.normal();
  const float bend = 0.25f * looseness;
  const float phase_x = random.uniform(0.0f, 2 * kPi), phase_y = random.uniform(0.0f, 2 * kPi);
  std::array<float, kSourceSide> bend_x, bend_y;
  for (int i = 0; i < kSourceSide; ++i) {
    const float t = (static_cast<float>(i) + 0.5f) / kPixelsPerUnit - 1;
    bend_x[static_cast<std::size_t>(i)] = bend * std::sin(2.2f * t + phase_x) + move_x;
    bend_y[static_cast<std::size_t>(i)] = bend * std::sin(2.2f * t + phase_y) + move_y;
  }
  for (int i = 0; i < kSourceSide; ++i) {
    const float v0 = (static_cast<float>(i) + 0.5f) / kPixelsPerUnit - 1;
    for (int j = 0; j < kSourceSide; ++j) {
      const float u0 = (static_cast<float>(j) + 0.5f) / kPixelsPerUnit - 1;
      const float u = u0 + bend_x[static_cast<std::size_t>(i)];
      const float v = v0 + bend_y[static_cast<std::size_t>(j)];
      const auto p = static_cast<std::size_t>(i * kSourceSide + j);
      xs[p] = width * (cosine * u + sine * v) + lean * v;
      ys[p] = height * (cosine * v - sine * u);
    }
  }
}

// distance[p] = signed distance in pixels from the part's edge, positive inside (approximate).
void superellipse_distance(const Part& part, const Plane& xs, const Plane& ys, Plane& distance) {
  const float cosine = std::cos(part.angle), sine = std::sin(part.angle);
  const float scale = kPixelsPerUnit * std::min(part.rx, part.ry);
  const float inverse_x = 1 / part.rx, inverse_y = 1 / part.ry;
  const float mirror = part.mirrored ? 1.0f : 0.0f;
  for (std::size_t p = 0; p < xs.size(); ++p) {
    const float x = xs[p] + mirror * (std::fabs(xs[p]) - xs[p]) - part.x;
    const float y = ys[p] - part.y;
    float u = (cosine * x + sine * y) * inverse_x;
    float v = (cosine * y - sine * x) * inverse_y;
    u *= u;
    v *= v;
    float radius;
    if (part.roundness == 2) {
      radius = std::sqrt(u + v);
    } else if (part.roundness == 4) {
      radius = std::sqrt(std::sqrt(u * u + v * v));
    } else {
      const float u4 = u * u, v4 = v * v;
      radius = std::sqrt(std::sqrt(std::sqrt(u4 * u4 + v4 * v4)));
    }
    distance[p] = scale * (1 - radius);
  }
}

// A segment of half length rx through (x, y) at `angle`, radius ry at its start, ry * taper at its
// end.
void bar_distance(const Part& part, const Plane& xs, const Plane& ys, Plane& distance) {
  const float cosine = std::cos(part.angle), sine = std::sin(part.angle);
  const float length = std::max(part.rx, 0.02f);
  const float mirror = part.mirrored ? 1.0f : 0.0f;
  const float slope = 0.5f * (part.taper - 1) / length;
  for (std::size_t p = 0; p < xs.size(); ++p) {
    const float x = xs[p] + mirror * (std::fabs(xs[p]) - xs[p]) - part.x;
    const float y = ys[p] - part.y;
    const float along = cosine * x + sine * y;
    const float across = cosine * y - sine * x;
    const float t = std::min(std::max(along, -length), length);
    const float radius = part.ry * (1 + slope * (t + length));
    const float rest = along - t;
    distance[p] = kPixelsPerUnit * (radius - std::sqrt(rest * rest + across * across));
  }
}

void part_distance(const Part& part, const Plane& xs, const Plane& ys, Plane& distance) {
  if (part.bar) {
    bar_distance(part, xs, ys, distance);
  } else {
    superellipse_distance(part, xs, ys, distance);
  }
}

Part draw_part(float size, Random& random) {
  Part part{};
  part.bar = random.below(3) == 0;
  part.roundness = 2 << random.below(3);
  part.rx = size * random.log_uniform(0.5f, 1.3f);
  part.ry = size * random.log_uniform(0.5f, 1.3f);
  if (part.bar) part.ry = std::min(part.ry, 0.55f * size * random.uniform(0.3f, 1.0f));
  part.angle = random.below(2) == 0 ? 0.0f : random.uniform(-kPi, kPi);
  part.shade = random.uniform(0.25f, 1.0f);
  part.presence = 1;
  part.taper = random.uniform(0.3f, 1.6f);
  return part;
}

// A main body, perhaps with limbs on both sides, things on top or below, and a hole.
std::vector<Part> body_plan(Random& random) {
  std::vector<Part> parts;
  Part body = draw_part(random.uniform(0.4f, 0.85f), random);
  body.angle = random.below(2) == 0 ? 0.0f : 0.5f * kPi;
  body.shade = random.uniform(0.5f, 1.0f);
  parts.push_back(body);
  const int num_limbs = random.between(0, 2);
  for (int n = 0; n < num_limbs; ++n) {
    Part limb = draw_part(random.uniform(0.15f, 0.45f), random);
    limb.mirrored = true;
    limb.x = body.rx * random.uniform(0.6f, 1.1f);
    limb.y = body.ry * random.uniform(-1.0f, 1.1f);
    limb.angle = random.uniform(-0.5f * kPi, 0.5f * kPi);
    parts.push_back(limb);
  }
  const int num_extras = random.between(0, 2);
  for (int n = 0; n < num_extras; ++n) {
    Part extra = draw_part(random.uniform(0.12f, 0.4f), random);
    extra.x = random.below(2) == 0 ? 0.0f : body.rx * random.uniform(-1.0f, 1.0f);
    extra.y = body.ry * random.uniform(-1.2f, 1.2f);
    extra.presence = random.uniform(0.7f, 1.2f);
    extra.hole = random.below(4) == 0;
    parts.push_back(extra);
  }
  return parts;
}

// Parts that follow one another like a chain.
std::vector<Part> chain_plan(Random& random) {
  std::vector<Part> parts;
  float x = random.uniform(-0.4f, 0.4f), y = random.uniform(-0.4f, 0.4f);
  const int count = random.between(2, 5);
  for (int n = 0; n < count; ++n) {
    Part part = draw_part(random.uniform(0.2f, 0.5f), random);
    part.x = x;
    part.y = y;
    part.presence = n == 0 ? 1.0f : random.uniform(0.8f, 1.3f);
    parts.push_back(part);
    const float direction = random.uniform(-kPi, kPi);
    x = std::clamp(x + 0.55f * std::cos(direction), -0.7f, 0.7f);
    y = std::clamp(y + 0.55f * std::sin(direction), -0.7f, 0.7f);
  }
  return parts;
}

// Copies of one part side by side or one above the other.
std::vector<Part> row_plan(Random& random) {
  std::vector<Part> parts;
  const int count = random.between(2, 4);
  const bool across = random.below(2) == 0;
  const Part model = draw_part(1.2f / static_cast<float>(count + 1), random);
  const float tilt = random.uniform(-0.2f, 0.2f);
  for (int n = 0; n < count; ++n) {
    Part part = model;
    const float t = (2 * static_cast<float>(n) + 1) / static_cast<float>(count) - 1;
    part.x = across ? 0.75f * t : tilt * t;
    part.y = across ? tilt * t : 0.75f * t;
    part.presence = n < 2 ? 1.0f : 0.9f;
    if (random.below(3) == 0) part.shade = random.uniform(0.25f, 1.0f);
    parts.push_back(part);
  }
  return parts;
}

std::vector<Part> draw_plan(Random& random) {
  switch (random.below(5)) {
    case 0:
      return chain_plan(random);
    case 1:
      return row_plan(random);
    default:
      return body_plan(random);
  }
}

Part vary_part(Part part, float amount, Random& random) {
  part.x += 0.5f * amount * random.normal();
  part.y += 0.5f * amount * random.normal();
  part.rx *= std::exp(0.8f * amount * random.normal());
  part.ry *= std::exp(0.8f * amount * random.normal());
  part.angle += 0.9f * amount * random.normal();
  part.shade = std::clamp(part.shade + 0.5f * amount * random.normal(), 0.15f, 1.0f);
  part.rx = std::clamp(part.rx, 0.05f, 1.0f);
  part.ry = std::clamp(part.ry, 0.05f, 1.0f);
  return part;
}

}  // namespace

void Silhouette::draw_templates(Random& random) {
  for (int n = 0; n < kNumTemplates * kWavesPerTemplate; ++n) {
    const float frequency = random.log_uniform(0.5f, 2.6f);
    const float angle = random.uniform(0.0f, kPi);
    const float k = 2 * kPi * frequency / kSourceSide;
    waves_.push_back({k * std::cos(angle), k * std::sin(angle), std::pow(frequency, -0.7f),
                      random.uniform(0.0f, 2 * kPi)});
  }
}

Silhouette::Silhouette(Random& random)
    : threshold_(random.uniform(-0.5f, 0.6f)),
      sharpness_(random.log_uniform(1.5f, 8.0f)),
      roundness_(random.below(3) == 0 ? 0.0f : random.uniform(0.8f, 2.5f)) {
  draw_templates(random);
}

Silhouette::Silhouette(const Silhouette& base, float likeness, Random& random)
    : Silhouette(random) {
  // The first template stands for the class; in part it is the base's.
  for (std::size_t n = 0; n < kWavesPerTemplate; ++n) {
    if (random.uniform() < likeness) waves_[n] = base.waves_[n];
  }
  threshold_ += likeness * (base.threshold_ - threshold_);
  sharpness_ += likeness * (base.sharpness_ - sharpness_);
  roundness_ += likeness * (base.roundness_ - roundness_);
}

void Silhouette::render(Random& random, ShapeImage out) const {
  // The instance's mixture of templates, then the same affine map and phase drift for every wave.
  std::array<float, kNumTemplates> weight{1.0f};
  for (std::size_t t = 1; t < weight.size(); ++t) weight[t] = 0.3f * random.normal();
  const float turn = 0.12f * random.normal(), zoom = std::exp(0.12f * random.normal());
  const float stretch = std::exp(0.1f * random.normal());
  const float xx = zoom * stretch * std::cos(turn), xy = zoom * std::sin(turn);
  const float yx = -zoom * std::sin(turn), yy = zoom / stretch * std::cos(turn);
  const float middle = 0.5f * (kSourceSide - 1);
  const float move_x = middle + 1.2f * random.normal(), move_y = middle + 1.2f * random.normal();
  std::vector<Wave> waves = waves_;
  for (std::size_t n = 0; n < waves.size(); ++n) {
    Wave& wave = waves[n];
    const float kx = xx * wave.kx + yx * wave.ky, ky = xy * wave.kx + yy * wave.ky;
    wave.phase += middle * (wave.kx + wave.ky) - kx * move_x - ky * move_y + 0.2f * random.normal();
    wave.kx = kx;
    wave.ky = ky;
    wave.amplitude *= weight[n / kWavesPerTemplate];
  }
  Plane field{};
  add_waves(waves, kSourceSide, field);
  const float threshold = threshold_ + 0.12f * random.normal();
  for (int y = 0; y < kSourceSide; ++y) {
    const float v = (static_cast<float>(y) - move_y) / kPixelsPerUnit;
    for (int x = 0; x < kSourceSide; ++x) {
      const float u = (static_cast<float>(x) - move_x) / kPixelsPerUnit;
      const auto p = static_cast<std::size_t>(y * kSourceSide + x);
      const float height = field[p] + roundness_ * (0.7f - 1.6f * (u * u + v * v)) - threshold;
      out.cover[p] = to_byte(0.5f + sharpness_ * 0.35f * height);
      out.shade[p] = to_byte(0.6f + 0.2f * height);
    }
  }
}

PartObject::PartObject(Random& random)
    : parts_(draw_plan(random)),
      looseness_(random.uniform(0.15f, 0.45f)),
      outline_(random.below(7) == 0 ? random.uniform(1.5f, 3.0f) : 0.0f) {}

PartObject::PartObject(const PartObject& base, float likeness, Random& random)
    : PartObject(random) {
  looseness_ = base.looseness_;
  if (random.uniform() >= likeness) return;  // a plan of its own
  outline_ = base.outline_;
  const float amount = 1 - likeness;
  std::vector<Part> fresh = std::move(parts_);
  parts_ = base.parts_;
  for (std::size_t n = 0; n < parts_.size(); ++n) {
    parts_[n] = vary_part(parts_[n], amount, random);
    // One in three of the smaller parts is exchanged.
    if (n > 0 && n < fresh.size() && random.below(3) == 0) parts_[n] = fresh[n];
  }
}

void PartObject::render(Random& random, ShapeImage out) const {
  Plane xs, ys, distance;
  draw_coordinates(looseness_, random, xs, ys);
  Plane cover{}, shade{};
  const float shade_level = random.uniform(0.8f, 1.0f);
  for (const Part& model : parts_) {
    if (random.uniform() >= model.presence) continue;
    const Part part = vary_part(model, 0.22f * looseness_, random);
    part_distance(part, xs, ys, distance);
    const float level = shade_level * part.shade;
    for (std::size_t p = 0; p < cover.size(); ++p) {
      float inside = std::min(std::max(0.5f + distance[p], 0.0f), 1.0f);
      if (outline_ > 0) inside -= std::min(std::max(0.5f + distance[p] - outline_, 0.0f), 1.0f);
      if (part.hole) {
        cover[p] *= 1 - inside;
      } else {
        cover[p] = std::max(cover[p], inside);
        shade[p] += inside * (level - shade[p]);
      }
    }
  }
  for (std::size_t p = 0; p < cover.size(); ++p) {
    out.cover[p] = to_byte(cover[p]);
    out.shade[p] = to_byte(shade[p]);
  }
}

}  // namespace metaplastic
