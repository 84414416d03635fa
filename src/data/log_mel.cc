#include "data/log_mel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace metaplastic {
namespace {

constexpr double kWindowSeconds = 0.025, kHopSeconds = 0.01;

// [O'Shaughnessy 1987, as HTK has it]
double mel_of(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double hertz_of(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

LogMel usual(int rate, int bands) {
  LogMel log_mel;
  log_mel.rate = rate;
  log_mel.bands = bands;
  log_mel.window = static_cast<int>(std::lround(kWindowSeconds * rate));
  log_mel.hop = static_cast<int>(std::lround(kHopSeconds * rate));
  // Twice the window: the lowest bands are narrower than 1 / window.
  log_mel.transform = static_cast<int>(std::bit_ceil(2 * static_cast<unsigned>(log_mel.window)));
  return log_mel;
}

}  // namespace

LogMel log_mel_of(int rate, int bands) {
  METAPLASTIC_CHECK(rate >= kMinRate && rate <= kMaxRate && bands >= 1);
  const LogMel log_mel = usual(rate, bands);
  const std::vector<float> filters = mel_filters(log_mel);
  for (auto row = filters.begin(); row != filters.end(); row += log_mel.num_bins()) {
    if (std::any_of(row, row + log_mel.num_bins(), [](float weight) { return weight > 0; })) {
      continue;
    }
    fail("log-mel: expected bands that each hold a frequency, found {} bands at {} Hz; give fewer",
         bands, rate);
  }
  return log_mel;
}

ImageShape log_mel_shape(const LogMel& log_mel, const ImageShape& samples,
                         const std::string& source) {
  if (samples.width < log_mel.window) {
    fail("{}: expected sounds of {} samples or more for log-mel, found {}; give features=raw",
         source, log_mel.window, samples.width);
  }
  return {1, 1 + (samples.width - log_mel.window) / log_mel.hop, samples.channels * log_mel.bands};
}

std::vector<float> mel_window(const LogMel& log_mel) {
  std::vector<float> window(static_cast<std::size_t>(log_mel.window));
  double squares = 0;
  for (std::size_t n = 0; n < window.size(); ++n) {
    const double turn = static_cast<double>(n) / static_cast<double>(window.size());
    const double value = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * turn);
    window[n] = static_cast<float>(value);
    squares += value * value;
  }
  for (float& value : window) value /= static_cast<float>(std::sqrt(squares));
  return window;
}

std::vector<float> mel_filters(const LogMel& log_mel) {
  const double top = mel_of(log_mel.rate / 2.0);
  const auto edge = [&](int n) { return hertz_of(top * n / (log_mel.bands + 1)); };
  std::vector<float> filters;
  for (int band = 0; band < log_mel.bands; ++band) {
    const double low = edge(band), peak = edge(band + 1), high = edge(band + 2);
    for (int bin = 0; bin < log_mel.num_bins(); ++bin) {
      const double hertz = static_cast<double>(bin) * log_mel.rate / log_mel.transform;
      const double weight = std::min((hertz - low) / (peak - low), (high - hertz) / (high - peak));
      filters.push_back(static_cast<float>(std::max(0.0, weight)));
    }
  }
  return filters;
}

std::string describe(const LogMel& log_mel) {
  return fmt::format("{} log-mel bands every {:.3g} ms", log_mel.bands,
                     1000.0 * log_mel.hop / log_mel.rate);
}

LogMelFrames::LogMelFrames(const LogMel& log_mel)
    : log_mel_(log_mel),
      fourier_(kiss_fftr_alloc(log_mel.transform, 0, nullptr, nullptr)),
      window_(mel_window(log_mel)),
      padded_(static_cast<std::size_t>(log_mel.transform)),
      power_(static_cast<std::size_t>(log_mel.num_bins())),
      spectrum_(power_.size()) {
  METAPLASTIC_CHECK(fourier_ != nullptr);
  const std::vector<float> dense = mel_filters(log_mel);
  for (auto row = dense.begin(); row != dense.end(); row += log_mel.num_bins()) {
    const auto is_inside = [](float weight) { return weight > 0; };
    const auto first = std::find_if(row, row + log_mel.num_bins(), is_inside);
    const auto last = std::find_if_not(first, row + log_mel.num_bins(), is_inside);
    filters_.push_back({static_cast<int>(first - row), {first, last}});
  }
}

void LogMelFrames::run(std::span<const float> samples, int channels, std::span<float> out) {
  const auto C = static_cast<std::size_t>(channels);
  const auto hop = static_cast<std::size_t>(log_mel_.hop);
  const std::size_t row = C * filters_.size(), num_frames = out.size() / row;
  METAPLASTIC_CHECK(num_frames * row == out.size() &&
                    samples.size() >= ((num_frames - 1) * hop + window_.size()) * C);
  for (std::size_t frame = 0; frame < num_frames; ++frame) {
    for (std::size_t c = 0; c < C; ++c) {
      const float* const from = samples.data() + frame * hop * C + c;
      for (std::size_t n = 0; n < window_.size(); ++n) padded_[n] = from[n * C] * window_[n];
      kiss_fftr(fourier_.get(), padded_.data(), spectrum_.data());
      for (std::size_t k = 0; k < power_.size(); ++k) {
        power_[k] = spectrum_[k].r * spectrum_[k].r + spectrum_[k].i * spectrum_[k].i;
      }
      float* const to = out.data() + frame * row + c * filters_.size();
      for (std::size_t band = 0; band < filters_.size(); ++band) {
        float energy = 0;
        const float* power = power_.data() + filters_[band].first;
        for (const float weight : filters_[band].weights) energy += weight * *power++;
        to[band] = std::log(energy + kSilence);
      }
    }
  }
}

}  // namespace metaplastic
