#include "baselines/conv_autoencoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "apply/place_layers.h"
#include "apply/training_rows.h"
#include "apply/window_rows.h"
#include "base/error.h"
#include "base/transpose.h"
#include "baselines/patch_method.h"
#include "baselines/streams.h"

namespace metaplastic {
namespace {

constexpr int kCrops = 32;
// A crop is so much wider than a window: 36 places.
constexpr int kMoreThanWindow = 5;

// Random crops of images with their windows.
class CropBatch {
 public:
  CropBatch(const RowSource& images, const PatchRows& rows, const MethodContext& context,
            std::uint32_t run)
      : rows_(images, context.seed, kCrops, Purpose::kBaseline, run),
        image_(context.image),
        seed_(context.seed),
        run_(run) {
    const LayerSpec& spec = rows.layers[0].spec;
    LayerSpec conv = spec;
    conv.padding = 0;
    conv.stride = 1;
    const ImageShape crop = {std::min(image_.height, spec.height + kMoreThanWindow),
                             std::min(image_.width, spec.width + kMoreThanWindow), image_.channels};
    conv_ = empty_layers(std::vector<LayerSpec>{conv}, crop)[0];
  }
  const EncoderLayer& conv() const { return conv_; }
  int num_crops() const { return rows_.batch_size(); }
  int num_places() const { return conv_.out.height * conv_.out.width; }
  std::span<const float> crops() const { return crops_; }
  std::span<const float> means() const { return means_; }
  std::span<const float> deviations() const { return deviations_; }
  Random noise(int step) const {
    return Random(seed_, Purpose::kBaseline, kNoiseStream + run_, static_cast<std::uint32_t>(step));
  }

  // Windows [B P,K] as a conv layer sees them, of the crops of that step.
  std::vector<float> draw(int step, Random& random) {
    rows_.batch(step);
    const std::int64_t size = conv_.in.size();
    const std::int64_t per_crop = num_places() * window_size(conv_.spec, conv_.in);
    crops_.resize(static_cast<std::size_t>(num_crops() * size));
    std::vector<float> windows(static_cast<std::size_t>(num_crops() * per_crop));
    for (int b = 0; b < num_crops(); ++b) {
      float* const crop = crops_.data() + b * size;
      copy_crop(rows_.last_rows().data() + b * image_.size(), random, crop);
      read_windows(conv_, crop, padded_, windows.data() + b * per_crop);
    }
    normalise(windows);
    return windows;
  }

 private:
  void copy_crop(const float* image, Random& random, float* crop) const {
    const int top = random.between(0, image_.height - conv_.in.height);
    const int left = random.between(0, image_.width - conv_.in.width);
    const std::int64_t row = std::int64_t{conv_.in.width} * image_.channels;
    for (int y = 0; y < conv_.in.height; ++y) {
      std::copy_n(image + (std::int64_t{top + y} * image_.width + left) * image_.channels, row,
                  crop + y * row);
    }
  }
  // As normalise_windows, keeping what was taken away.
  void normalise(std::vector<float>& windows) {
    const std::int64_t K = window_size(conv_.spec, conv_.in);
    means_.clear();
    deviations_.clear();
    for (auto x = windows.begin(); x != windows.end(); x += K) {
      float sum = 0, square = 0;
      for (std::int64_t k = 0; k < K; ++k) sum += x[k];
      const float mean = sum / static_cast<float>(K);
      for (std::int64_t k = 0; k < K; ++k) square += (x[k] - mean) * (x[k] - mean);
      const float deviation = std::sqrt(square / static_cast<float>(K)) + kWindowOffset;
      for (std::int64_t k = 0; k < K; ++k) x[k] = (x[k] - mean) / deviation;
      means_.push_back(mean);
      deviations_.push_back(deviation);
    }
  }

  TrainingRows rows_;
  ImageShape image_;
  std::uint64_t seed_;
  std::uint32_t run_;
  EncoderLayer conv_;
  std::vector<float> crops_, padded_, means_, deviations_;
};

class ConvAutoencoder : public PatchMethod {
 public:
  ConvAutoencoder(const FitOptions& options, int num_steps)
      : PatchMethod("conv-autoencoder", options), num_steps_(num_steps) {}

 protected:
  bool takes_signals() const override { return false; }
  std::vector<FeatureCandidate> learn(int trial, const PatchRows& rows, const RowSource& images,
                                      const MethodContext& context) override {
    const int K = rows.windows->num_features(), U = rows.layers[0].spec.units;
    const double masked = search_size(trial, {30, 0, 50}) / 100.0;
    const auto run = static_cast<std::uint32_t>(trial);
    Network network(context.seed, run);
    const int trunk = network.add_stack({{K, U}, Unary::kRelu});
    const int output = network.add_linear(U, K);
    CropBatch crops(images, rows, context, run);
    return train_filters(
        network, trunk, trial, num_steps_, rows, context, {{"masked", masked}},
        [&](int step) { return set_bars(network, trunk, output, rows, crops, masked, step); });
  }

 private:
  static ObjectivePoint set_bars(Network& network, int trunk, int output, const PatchRows& rows,
                                 CropBatch& crops, double masked, int step) {
    Random random = crops.noise(step);
    std::vector<float> windows = crops.draw(step, random);
    const int B = crops.num_crops() * crops.num_places();
    std::vector<float> scratch;
    if (rows.whitening) rows.whitening->apply(windows.data(), B, scratch);
    for (float& value : windows) {
      if (masked > 0 && static_cast<double>(random.uniform()) < masked) value = 0;
    }
    Tape<float>& tape = network.tape();
    float* const batch = tape.scratch(static_cast<std::ptrdiff_t>(windows.size()));
    transpose_rows(windows, B, {batch, windows.size()});
    const Var<float> x = tape.constant(batch, static_cast<int>(windows.size()) / B, 1, B);
    const Var<float> said = network.run_linear(output, network.run_stack(trunk, x).x[1]);
    ObjectivePoint point;
    point.objective = point.reconstruction = -overlap_loss<float>(
        tape, said, crops.conv(), crops.means(), crops.deviations(), crops.crops());
    return point;
  }

  int num_steps_;
};

}  // namespace

template <class T>
double overlap_loss(Tape<T>& tape, const Var<T>& windows, const EncoderLayer& conv,
                    std::span<const T> means, std::span<const T> deviations,
                    std::span<const T> crops) {
  const std::ptrdiff_t num_windows = windows.examples(), C = conv.in.channels;
  const std::ptrdiff_t P = std::ptrdiff_t{conv.out.height} * conv.out.width;
  const std::ptrdiff_t size = conv.in.size(), B = num_windows / P;
  METAPLASTIC_CHECK(windows.contiguous() && windows.units() == window_size(conv.spec, conv.in));
  METAPLASTIC_CHECK(std::ssize(means) == num_windows && std::ssize(deviations) == num_windows);
  METAPLASTIC_CHECK(std::ssize(crops) == B * size && conv.spec.padding == 0);
  // Calls use(value of a window, its pixel in all crops, window) for everything that windows say.
  const auto for_all = [&](const auto& use) {
    for (std::ptrdiff_t k = 0; k < windows.units(); ++k) {
      const std::ptrdiff_t dy = k / C / conv.spec.width, dx = k / C % conv.spec.width;
      for (std::ptrdiff_t w = 0; w < num_windows; ++w) {
        const std::ptrdiff_t y = w % P / conv.out.width * conv.spec.stride + dy;
        const std::ptrdiff_t x = w % P % conv.out.width * conv.spec.stride + dx;
        use(k * num_windows + w, w / P * size + (y * conv.in.width + x) * C + k % C,
            static_cast<std::size_t>(w));
      }
    }
  };
  std::vector<T> sums(crops.size()), counts(crops.size());
  for_all([&](std::ptrdiff_t value, std::ptrdiff_t pixel, std::size_t w) {
    sums[static_cast<std::size_t>(pixel)] += windows.data[value] * deviations[w] + means[w];
    counts[static_cast<std::size_t>(pixel)] += 1;
  });
  double loss = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (counts[i] == 0) continue;  // beyond the last window of a stride
    const T error = sums[i] / counts[i] - crops[i];
    loss += static_cast<double>(error * error) / 2;
    sums[i] = error / (counts[i] * T(B));
  }
  T* const bar = tape.bar(windows);
  for_all([&](std::ptrdiff_t value, std::ptrdiff_t pixel, std::size_t w) {
    bar[value] += sums[static_cast<std::size_t>(pixel)] * deviations[w];
  });
  return loss / static_cast<double>(B);
}

template double overlap_loss(Tape<float>&, const Var<float>&, const EncoderLayer&,
                             std::span<const float>, std::span<const float>,
                             std::span<const float>);
template double overlap_loss(Tape<double>&, const Var<double>&, const EncoderLayer&,
                             std::span<const double>, std::span<const double>,
                             std::span<const double>);

std::unique_ptr<FeatureMethod> conv_autoencoder_method(const FitOptions& options, int num_steps) {
  return std::make_unique<ConvAutoencoder>(options, num_steps);
}

}  // namespace metaplastic
