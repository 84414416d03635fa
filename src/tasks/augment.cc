#include "tasks/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "tasks/task_config.h"

namespace metaplastic {
namespace {

constexpr int kSmoothedStride = kSourceSide + 1;  // one column more, read with weight 0

// The coefficients of one example, in the units of AugmentRanges.
struct Coefficients {
  float shift_x = 0, shift_y = 0, rotation = 0, log_scale = 0, shear = 0;
  float log_contrast = 0, brightness = 0, noise = 0;
};

float symmetric(float range, Random& random) {
  return range > 0 ? random.uniform(-range, range) : 0.0f;
}

Coefficients draw_coefficients(const AugmentRanges& ranges, Random& random) {
  Coefficients c;
  c.shift_x = symmetric(ranges.shift, random);
  c.shift_y = symmetric(ranges.shift, random);
  c.rotation = symmetric(ranges.rotation, random);
  c.log_scale = symmetric(ranges.log_scale, random);
  c.shear = symmetric(ranges.shear, random);
  c.log_contrast = symmetric(ranges.log_contrast, random);
  c.brightness = symmetric(ranges.brightness, random);
  if (ranges.noise > 0) c.noise = random.uniform(0.0f, ranges.noise);
  return c;
}

void write_targets(const AugmentRanges& ranges, const Coefficients& c, std::span<float> targets) {
  std::size_t n = 0;
  const auto add = [&](float coefficient, float range) {
    if (range > 0) targets[n++] = coefficient / range;
  };
  add(c.shift_x, ranges.shift);
  add(c.shift_y, ranges.shift);
  add(c.rotation, ranges.rotation);
  add(c.log_scale, ranges.log_scale);
  add(c.shear, ranges.shear);
  add(c.log_contrast, ranges.log_contrast);
  add(c.brightness, ranges.brightness);
  if (ranges.noise > 0) targets[n++] = 2 * c.noise / ranges.noise - 1;
  METAPLASTIC_DCHECK(n == targets.size());
}

// The sum over a 2 x 2 window, times scale: the usual case, 28 to 14.
void box_smooth_two(const float* __restrict source, float scale, float* __restrict smoothed) {
  for (int y = 0; y + 1 < kSourceSide; ++y) {
    const float* __restrict upper = source + y * kSourceSide;
    const float* __restrict lower = upper + kSourceSide;
    float* __restrict row = smoothed + y * kSmoothedStride;
    for (int x = 0; x + 1 < kSourceSide; ++x) {
      row[x] = (((upper[x] + upper[x + 1]) + lower[x]) + lower[x + 1]) * scale;
    }
  }
}

// Mean of the source over a box x box window whose top left pixel is (y, x); the last box - 1 rows
// and columns, and the border, are never read with a weight other than 0.
void box_smooth(std::span<const float> source, int box, std::span<float> smoothed) {
  const float scale = 1.0f / static_cast<float>(box * box);
  if (box == 2) return box_smooth_two(source.data(), scale, smoothed.data());
  const int valid = kSourceSide - box + 1;
  for (int y = 0; y < valid; ++y) {
    float* row = &smoothed[static_cast<std::size_t>(y * kSmoothedStride)];
    std::fill(row, row + valid, 0.0f);
    for (int v = 0; v < box; ++v) {
      for (int u = 0; u < box; ++u) {
        const float* from = &source[static_cast<std::size_t>((y + v) * kSourceSide + u)];
        for (int x = 0; x < valid; ++x) row[x] += from[x];
      }
    }
    for (int x = 0; x < valid; ++x) row[x] *= scale;
  }
}

// value[i] = sin(2 pi frequency i / count + phase), by rotation instead of one sine each.
void sine_table(float frequency, float phase, int count, float* value) {
  const float angle = 2 * std::numbers::pi_v<float> * frequency / static_cast<float>(count);
  const float turn_cos = std::cos(angle), turn_sin = std::sin(angle);
  float c = std::cos(phase), s = std::sin(phase);
  for (int i = 0; i < count; ++i) {
    value[i] = s;
    const float next = s * turn_cos + c * turn_sin;
    c = c * turn_cos - s * turn_sin;
    s = next;
  }
}

// A smooth displacement in source pixels: amplitude * row[i] * column[j], one pair per direction.
struct Elastic {
  float amplitude = 0;
  float row_x[kMaxAugmentedSide] = {}, column_x[kMaxAugmentedSide] = {},
        row_y[kMaxAugmentedSide] = {}, column_y[kMaxAugmentedSide] = {};
};

void draw_elastic(float range, int side, Random& random, Elastic& elastic) {
  elastic.amplitude = range * kSourceSide;
  for (float* table : {elastic.row_x, elastic.column_x, elastic.row_y, elastic.column_y}) {
    const float frequency = random.uniform(0.4f, 1.4f);
    sine_table(frequency, random.uniform(0.0f, 2 * std::numbers::pi_v<float>), side, table);
  }
}

// out[i, j] = smoothed image at the inverse transform of pixel (i, j), bilinear, edges repeated.
void warp(std::span<const float> smoothed, int box, int side, const Coefficients& c,
          const Elastic& elastic, std::span<float> out) {
  const float pixel = static_cast<float>(kSourceSide) / static_cast<float>(side);
  const float cosine = std::cos(c.rotation), sine = std::sin(c.rotation);
  const float shrink = std::exp(-c.log_scale);
  // Inverse of p_out = rotate(shear(scale(p))) + shift, both about the centre.
  const float xx = shrink * (cosine + c.shear * sine), xy = shrink * (sine - c.shear * cosine);
  const float yx = -shrink * sine, yy = shrink * cosine;
  const float limit = static_cast<float>(kSourceSide - box);
  const float centre = 0.5f * limit;
  const float middle = 0.5f * static_cast<float>(side - 1);
  const float shift_x = c.shift_x * kSourceSide, shift_y = c.shift_y * kSourceSide;
  int index[kMaxAugmentedSide];
  float weight_x[kMaxAugmentedSide], weight_y[kMaxAugmentedSide];
  for (int i = 0; i < side; ++i) {
    const float dy = (static_cast<float>(i) - middle) * pixel - shift_y;
    const float bend_x = elastic.amplitude * elastic.row_x[i];
    const float bend_y = elastic.amplitude * elastic.row_y[i];
    for (int j = 0; j < side; ++j) {
      const float dx = (static_cast<float>(j) - middle) * pixel - shift_x;
      float x = centre + xx * dx + xy * dy + bend_x * elastic.column_x[j];
      float y = centre + yx * dx + yy * dy + bend_y * elastic.column_y[j];
      x = std::min(std::max(x, 0.0f), limit);
      y = std::min(std::max(y, 0.0f), limit);
      const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
      weight_x[j] = x - static_cast<float>(x0);
      weight_y[j] = y - static_cast<float>(y0);
      index[j] = y0 * kSmoothedStride + x0;
    }
    const float* __restrict pixels = smoothed.data();
    float* __restrict to = &out[static_cast<std::size_t>(i * side)];
    for (int j = 0; j < side; ++j) {
      const float* top = pixels + index[j];
      const float* bottom = top + kSmoothedStride;
      const float upper = top[0] + weight_x[j] * (top[1] - top[0]);
      const float lower = bottom[0] + weight_x[j] * (bottom[1] - bottom[0]);
      to[j] = upper + weight_y[j] * (lower - upper);
    }
  }
}

// Contrast, brightness and inversion in one line per pixel: gain * v + offset.
void recolour(const Coefficients& c, bool invert, std::span<float> out) {
  float gain = std::exp(c.log_contrast);
  float offset = 0.5f - 0.5f * gain + c.brightness;
  if (invert) {
    gain = -gain;
    offset = 1.0f - offset;
  }
  for (float& value : out) value = gain * value + offset;
}

// Sum of four bytes of one random word: mean 510, variance 4 (256^2 - 1) / 12. Close to normal, and
// several times cheaper than Box-Muller.
void add_noise(float level, Random& random, std::span<float> out) {
  constexpr float kDeviation = 147.8001f;
  const float scale = level / kDeviation;
  for (float& value : out) {
    const std::uint32_t word = random.next_u32();
    const std::uint32_t pairs = (word & 0x00ff00ffu) + ((word >> 8) & 0x00ff00ffu);
    const int sum = static_cast<int>((pairs & 0xffffu) + (pairs >> 16)) - 510;
    value += scale * static_cast<float>(sum);
  }
}

void drop_pixels(float share, Random& random, std::span<float> out) {
  const auto threshold = static_cast<std::uint32_t>(share * 256.0f);
  std::uint32_t word = 0;
  for (std::size_t p = 0; p < out.size(); ++p) {
    word = (p & 3) == 0 ? random.next_u32() : word >> 8;
    if ((word & 255u) < threshold) out[p] = 0;
  }
}

void drop_rectangle(float share, int side, Random& random, std::span<float> out) {
  const float aspect = random.log_uniform(0.5f, 2.0f);
  const float size = static_cast<float>(side) * std::sqrt(share);
  const int width = std::min(side, static_cast<int>(std::lround(size * std::sqrt(aspect))));
  const int height = std::min(side, static_cast<int>(std::lround(size / std::sqrt(aspect))));
  const int left = random.between(0, side - width), top = random.between(0, side - height);
  for (int i = top; i < top + height; ++i) {
    float* row = &out[static_cast<std::size_t>(i * side)];
    std::fill(row + left, row + left + width, 0.0f);
  }
}

}  // namespace

int AugmentRanges::num_targets() const {
  return 2 * (shift > 0) + (rotation > 0) + (log_scale > 0) + (shear > 0) + (log_contrast > 0) +
         (brightness > 0) + (noise > 0);
}

AugmentRanges draw_augment_ranges(const AugmentConfig& config, Random& random) {
  AugmentRanges ranges;
  if (random.uniform() >= config.augmented_share) return ranges;
  // An active kind gets between a quarter and all of its largest range.
  const auto range = [&](float largest) {
    const float strength = random.uniform(0.25f, 1.0f);
    return random.uniform() < config.kind_probability ? largest * strength : 0.0f;
  };
  ranges.shift = range(config.max_shift);
  ranges.rotation = range(config.max_rotation);
  ranges.log_scale = range(std::log(config.max_scale));
  ranges.shear = range(config.max_shear);
  ranges.elastic = range(config.max_elastic);
  ranges.log_contrast = range(std::log(config.max_contrast));
  ranges.brightness = range(config.max_brightness);
  ranges.noise = range(config.max_noise);
  ranges.dropout = range(config.max_dropout);
  if (ranges.dropout > 0) {
    ranges.dropout_kind = random.below(2) == 0 ? Dropout::kPixels : Dropout::kRectangle;
  }
  if (random.uniform() < config.inversion_probability) {
    ranges.inversion = random.below(2) == 0 ? Inversion::kAlways : Inversion::kPerExample;
  }
  return ranges;
}

Augmenter::Augmenter(int side, const AugmentRanges& ranges) : side_(side), ranges_(ranges) {
  METAPLASTIC_CHECK(side >= 1 && side <= kMaxAugmentedSide);
}

void Augmenter::apply(std::span<const float> source, Random& random, Workspace& workspace,
                      std::span<float> out, std::span<float> targets) const {
  METAPLASTIC_CHECK(source.size() == kSourcePixels);
  METAPLASTIC_CHECK(out.size() == static_cast<std::size_t>(side_ * side_));
  METAPLASTIC_CHECK(targets.size() == static_cast<std::size_t>(num_targets()));
  const Coefficients c = draw_coefficients(ranges_, random);
  write_targets(ranges_, c, targets);

  workspace.smoothed.resize(kSmoothedStride * kSmoothedStride);
  const int box = std::clamp(
      static_cast<int>(std::lround(static_cast<float>(kSourceSide) / static_cast<float>(side_))), 1,
      kSourceSide);
  box_smooth(source, box, workspace.smoothed);
  Elastic elastic;
  if (ranges_.elastic > 0) draw_elastic(ranges_.elastic, side_, random, elastic);
  warp(workspace.smoothed, box, side_, c, elastic, out);

  const bool invert = ranges_.inversion == Inversion::kAlways ||
                      (ranges_.inversion == Inversion::kPerExample && random.below(2) == 1);
  if (invert || ranges_.log_contrast > 0 || ranges_.brightness > 0) recolour(c, invert, out);
  if (ranges_.noise > 0) add_noise(c.noise, random, out);
  for (float& value : out) value = std::min(std::max(value, 0.0f), 1.0f);
  if (ranges_.dropout > 0) {
    const float share = random.uniform(0.0f, ranges_.dropout);
    if (ranges_.dropout_kind == Dropout::kPixels) drop_pixels(share, random, out);
    if (ranges_.dropout_kind == Dropout::kRectangle) drop_rectangle(share, side_, random, out);
  }
}

}  // namespace metaplastic
