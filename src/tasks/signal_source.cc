#include "tasks/signal_source.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace metaplastic {
namespace {

constexpr float kTurn = 2 * std::numbers::pi_v<float>;
constexpr float kLowest = 0.02f, kHighest = 0.35f;  // turns per step

// White noise through resonances, each a filter with two poles.
void write_noise(const SignalSource& source, float stretch, Random& random, std::span<float> out) {
  constexpr float kRadius = 0.93f;
  std::fill(out.begin(), out.end(), 0.0f);
  for (int n = 0; n < source.num_tones; ++n) {
    const auto tone = static_cast<std::size_t>(n);
    const float turn = 2 * kRadius * std::cos(kTurn * source.frequency[tone] / stretch);
    float last = 0, before = 0;
    for (int t = -64; t < static_cast<int>(out.size()); ++t) {
      const float value = turn * last - kRadius * kRadius * before + 0.3f * random.normal();
      before = last;
      last = value;
      if (t >= 0) out[static_cast<std::size_t>(t)] += source.loudness[tone] * value;
    }
  }
}

// The phase of a glide is the sum of its frequencies.
void write_chirps(const SignalSource& source, const SignalManner& manner, Random& random,
                  std::span<float> out) {
  float phase = random.uniform();
  for (std::size_t t = 0; t < out.size(); ++t) {
    const float time = (static_cast<float>(t) + manner.onset) / manner.stretch;
    const float place = time / source.period - std::floor(time / source.period);
    phase += source.frequency[0] + place * (source.frequency[1] - source.frequency[0]);
    out[t] = 1.4f * std::sin(kTurn * phase);
  }
}

void write_pulses(const SignalSource& source, const SignalManner& manner, std::span<float> out) {
  for (std::size_t t = 0; t < out.size(); ++t) {
    const float time = (static_cast<float>(t) + manner.onset) / manner.stretch;
    const float from = time - source.period * std::round(time / source.period);
    const float shape = from / source.width;
    out[t] = 2.5f * std::exp(-shape * shape) *
             std::cos(kTurn * (source.frequency[0] * from + source.loudness[0]));
  }
}

void write_modulated(const SignalSource& source, const SignalManner& manner, Random& random,
                     std::span<float> out) {
  const float phase = random.uniform();
  for (std::size_t t = 0; t < out.size(); ++t) {
    const float time = (static_cast<float>(t) + manner.onset) / manner.stretch;
    const float swell = 0.5f + 0.5f * std::cos(kTurn * time / source.period);
    out[t] = 2 * swell * std::sin(kTurn * (source.frequency[0] * time + phase));
  }
}

// The tones share the signal's length and fade into one another.
void write_phrase(const SignalSource& source, const SignalManner& manner, Random& random,
                  std::span<float> out) {
  const auto steps = static_cast<float>(out.size());
  const float each = 0.8f * steps / static_cast<float>(source.num_tones);
  const float phase = random.uniform();
  for (std::size_t t = 0; t < out.size(); ++t) {
    const float time = static_cast<float>(t) / manner.stretch;
    const float place = (time - std::fmod(manner.onset, 0.2f * steps)) / each;
    const auto tone = static_cast<int>(std::floor(place));
    out[t] = 0;
    if (tone < 0 || tone >= source.num_tones) continue;
    const auto n = static_cast<std::size_t>(tone);
    const float inside = place - static_cast<float>(tone);
    out[t] = 2 * source.loudness[n] * std::sin(std::numbers::pi_v<float> * inside) *
             std::sin(kTurn * (source.frequency[n] * time + phase));
  }
}

}  // namespace

SignalSource draw_source(SignalKind kind, Random& random) {
  SignalSource source;
  for (float& frequency : source.frequency) frequency = random.log_uniform(kLowest, kHighest);
  for (float& loudness : source.loudness) loudness = random.uniform(0.3f, 1.0f);
  source.period = random.log_uniform(8, 40);
  source.width = random.log_uniform(1.5f, 6);
  source.num_tones = kind == SignalKind::kPhrases ? random.between(2, SignalSource::kMaxTones)
                                                  : random.between(1, 2);
  return source;
}

void write_source(SignalKind kind, const SignalSource& source, const SignalManner& manner,
                  Random& random, std::span<float> out) {
  switch (kind) {
    case SignalKind::kNoise:
      return write_noise(source, manner.stretch, random, out);
    case SignalKind::kChirps:
      return write_chirps(source, manner, random, out);
    case SignalKind::kPulses:
      return write_pulses(source, manner, out);
    case SignalKind::kModulated:
      return write_modulated(source, manner, random, out);
    case SignalKind::kPhrases:
      return write_phrase(source, manner, random, out);
  }
  METAPLASTIC_CHECK(false);
}

}  // namespace metaplastic
