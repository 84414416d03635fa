// One sound file as samples in [-1,1], and samples at another rate. By libsndfile and
// libsamplerate.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace metaplastic {

struct DecodedSound {
  int rate = 0;
  int channels = 0;
  std::vector<float> samples;  // [time, channels]
};

// Throws Error, one line, for what is no sound, is empty, is cut short, or holds numbers that are
// not finite.
DecodedSound read_sound(const std::string& path);
// The same sound at another rate (band-limited interpolation).
void resample(DecodedSound& sound, int rate);
// The mean of the channels.
void make_mono(DecodedSound& sound);

}  // namespace metaplastic
