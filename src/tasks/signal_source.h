// One class of generated signals: what its sources look like in time. A signal mixes a few of them
// (signal_family.h).
#pragma once

#include <array>
#include <span>

#include "base/random.h"

namespace metaplastic {

enum class SignalKind {
  kNoise,      // noise through one or two resonances of the class
  kChirps,     // a frequency that glides from one value to another, again and again
  kPulses,     // pulses of the class's shape and period
  kModulated,  // a carrier that swells and fades; held out
  kPhrases,    // a sequence of tones, stretched in time; held out
};

// Frequencies are in turns per step.
struct SignalSource {
  static constexpr int kMaxTones = 4;
  std::array<float, kMaxTones> frequency{};
  std::array<float, kMaxTones> loudness{};
  float period = 16;  // steps: of pulses, glides, swells
  float width = 4;    // steps: of a pulse
  int num_tones = 2;
};

SignalSource draw_source(SignalKind kind, Random& random);

// How one instance differs from others of its class.
struct SignalManner {
  float onset = 0;    // steps
  float stretch = 1;  // of time
};

// out [steps]: of deviation about 1.
void write_source(SignalKind kind, const SignalSource& source, const SignalManner& manner,
                  Random& random, std::span<float> out);

}  // namespace metaplastic
