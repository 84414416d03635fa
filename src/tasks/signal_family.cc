#include "tasks/signal_family.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace metaplastic {
namespace {

constexpr int kNumInstances = 1 << 16;  // of a class; made when asked for, never stored
constexpr int kNumFittedSignals = 64;   // that channels are standardised on
constexpr int kNumSources = 2;
constexpr int kMaxSignalChannels = 4;

class SignalClassSet : public ClassSet {
 public:
  SignalClassSet(SignalKind kind, const ImageShape& shape, int num_classes, Random& random)
      : kind_(kind),
        shape_(shape),
        num_classes_(num_classes),
        seed_(draw_seed(random)),
        noise_(random.log_uniform(0.1f, 1.0f)),
        stretch_(random.uniform(0.0f, 0.2f)),
        mean_(static_cast<std::size_t>(shape.channels)),
        scale_(mean_.size(), 1.0f) {
    for (int n = 0; n < num_classes * kNumSources; ++n) {
      sources_.push_back(draw_source(kind, random));
    }
    for (std::size_t n = 0; n < mean_.size() * kNumSources; ++n) {
      mix_.push_back(random.normal() / std::sqrt(static_cast<float>(kNumSources)));
    }
    standardise(random);
  }
  int num_classes() const override { return num_classes_; }
  int num_inputs() const override { return static_cast<int>(shape_.size()); }
  ImageShape shape() const override { return shape_; }
  int num_instances(int) const override { return kNumInstances; }
  // A signal is a function of its number.
  void instance(int class_index, int instance_index, Random&, std::span<float> out) const override {
    Random own(seed_, Purpose::kTask, static_cast<std::uint64_t>(class_index),
               static_cast<std::uint32_t>(instance_index));
    raw_signal(class_index, own, out);
    const std::size_t C = mean_.size();
    for (std::size_t n = 0; n < out.size(); ++n) {
      out[n] = (out[n] - mean_[n % C]) * scale_[n % C];
    }
  }

 private:
  void raw_signal(int class_index, Random& random, std::span<float> out) const {
    const std::size_t C = mean_.size();
    SignalManner manner;
    manner.onset = random.uniform(0, static_cast<float>(shape_.width));
    manner.stretch = std::exp(stretch_ * random.uniform(-1, 1));
    const float volume = random.log_uniform(0.5f, 2.0f);
    std::array<std::vector<float>, kNumSources> waves;
    for (std::size_t k = 0; k < waves.size(); ++k) {
      waves[k].resize(static_cast<std::size_t>(shape_.width));
      const std::size_t source = static_cast<std::size_t>(class_index) * waves.size() + k;
      write_source(kind_, sources_[source], manner, random, waves[k]);
    }
    for (std::size_t n = 0; n < out.size(); ++n) {
      float value = noise_ * random.normal();
      for (std::size_t k = 0; k < waves.size(); ++k) {
        value += volume * mix_[n % C * waves.size() + k] * waves[k][n / C];
      }
      out[n] = value;
    }
  }

  // As fit_preprocess does: by mean and deviation of each channel.
  void standardise(Random& random) {
    const std::size_t C = mean_.size();
    std::vector<float> signal(static_cast<std::size_t>(shape_.size()));
    std::vector<double> sum(C), square(C);
    for (int i = 0; i < kNumFittedSignals; ++i) {
      raw_signal(i % num_classes_, random, signal);
      for (std::size_t n = 0; n < signal.size(); ++n) {
        sum[n % C] += signal[n];
        square[n % C] += double{signal[n]} * signal[n];
      }
    }
    const double count = static_cast<double>(kNumFittedSignals) * shape_.width;
    for (std::size_t c = 0; c < C; ++c) {
      const double mean = sum[c] / count;
      mean_[c] = static_cast<float>(mean);
      scale_[c] = static_cast<float>(1 / std::sqrt(square[c] / count - mean * mean + 1e-6));
    }
  }

  SignalKind kind_;
  ImageShape shape_;
  int num_classes_;
  std::uint64_t seed_;
  float noise_, stretch_;
  std::vector<SignalSource> sources_;  // [num_classes, kNumSources]
  std::vector<float> mix_;             // [channels, kNumSources]
  std::vector<float> mean_, scale_;    // [channels]
};

}  // namespace

std::span<const SignalKind> signal_kinds(Split split) {
  static constexpr std::array kTrain = {SignalKind::kNoise, SignalKind::kChirps,
                                        SignalKind::kPulses};
  static constexpr std::array kValidation = {SignalKind::kModulated, SignalKind::kPhrases};
  if (split == Split::kTrain) return kTrain;
  return kValidation;
}

std::unique_ptr<ClassSet> SignalFamily::draw_classes(Split split, int num_classes,
                                                     Random& random) const {
  const auto kinds = signal_kinds(split);
  const SignalKind kind = kinds[random.below(static_cast<std::uint32_t>(kinds.size()))];
  const int num_inputs = draw_num_inputs(min_inputs_, max_inputs_, random);
  const int channels = random.between(1, std::clamp(num_inputs / 16, 1, kMaxSignalChannels));
  return draw_classes(kind, {1, num_inputs / channels, channels}, num_classes, random);
}

std::unique_ptr<ClassSet> SignalFamily::draw_classes(SignalKind kind, const ImageShape& shape,
                                                     int num_classes, Random& random) {
  return std::make_unique<SignalClassSet>(kind, shape, num_classes, random);
}

}  // namespace metaplastic
