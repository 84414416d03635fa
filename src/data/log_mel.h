// Samples of a sound to log-mel frames: energies of bands of frequencies, in short windows.
// Windows of 25 ms every 10 ms (Hann), bands that are equally wide on the mel scale.
#pragma once

#include <kiss_fftr.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace metaplastic {

inline constexpr int kMinRate = 1000, kMaxRate = 192'000;  // samples per second
inline constexpr int kMinBands = 8, kMaxBands = 64, kDefaultBands = 40;
// Added to the energy of a band: what is quieter counts as silence. Full scale is about 1.
inline constexpr float kSilence = 1e-6f;

struct LogMel {
  int rate = 0;
  int bands = 0;
  int window = 0, hop = 0;  // samples
  int transform = 0;        // samples of the Fourier transform, zeros behind the window

  int num_bins() const { return transform / 2 + 1; }
  bool operator==(const LogMel&) const = default;
};

// Throws Error where a band would hold no frequency of the transform.
LogMel log_mel_of(int rate, int bands);
// {1, frames, channels * bands} of sounds {1, samples, channels}. Throws Error, which `source`
// begins, for sounds that are shorter than a window.
ImageShape log_mel_shape(const LogMel& log_mel, const ImageShape& samples,
                         const std::string& source);
// The window [window], scaled so that energies do not depend on its length.
std::vector<float> mel_window(const LogMel& log_mel);
// [bands, num_bins]: triangles that overlap by half, with a peak of 1.
std::vector<float> mel_filters(const LogMel& log_mel);
std::string describe(const LogMel& log_mel);  // "40 log-mel bands every 10 ms"

// The transform with its buffers; for one thread. The same bits for the same samples.
class LogMelFrames {
 public:
  explicit LogMelFrames(const LogMel& log_mel);
  // samples [time, channels] -> out [frames, channels * bands]; a channel's bands stand together.
  void run(std::span<const float> samples, int channels, std::span<float> out);

 private:
  struct Free {
    void operator()(kiss_fftr_state* state) const { kiss_fftr_free(state); }
  };
  struct Filter {
    int first = 0;               // bin
    std::vector<float> weights;  // of the bins from there on
  };
  LogMel log_mel_;
  std::unique_ptr<kiss_fftr_state, Free> fourier_;
  std::vector<float> window_, padded_, power_;
  std::vector<kiss_fft_cpx> spectrum_;
  std::vector<Filter> filters_;
};

}  // namespace metaplastic
