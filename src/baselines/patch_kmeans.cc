#include "baselines/patch_kmeans.h"

#include <algorithm>
#include <utility>

#include "apply/place_layers.h"
#include "base/error.h"
#include "base/sample.h"
#include "baselines/network.h"
#include "baselines/streams.h"

namespace metaplastic {
namespace {

// Windows that centroids are fitted on.
constexpr std::int64_t kMaxWindows = 40'000;

std::vector<float> some_windows(const PatchRows& rows, const MethodContext& context,
                                std::int64_t most) {
  Random random(context.seed, Purpose::kBaseline, kCentroidStream);
  const auto drawn = sorted_sample(random, rows.windows->num_rows(), most);
  std::vector<float> windows(drawn.size() * static_cast<std::size_t>(rows.windows->num_features()));
  gather_rows(*rows.windows, drawn, windows);
  return windows;
}

class PatchKmeans : public PatchMethod {
 public:
  explicit PatchKmeans(const FitOptions& options) : PatchMethod("patch-kmeans", options) {}

 protected:
  std::vector<FeatureCandidate> learn(int trial, const PatchRows& rows, const RowSource&,
                                      const MethodContext& context) override {
    const std::vector<float> windows = some_windows(rows, context, kMaxWindows);
    const int K = rows.windows->num_features();
    const auto count = static_cast<int>(std::min<std::int64_t>(
        rows.layers[0].spec.units, static_cast<std::int64_t>(windows.size()) / K));
    PatchRows clipped = rows;
    if (count < rows.layers[0].spec.units) {
      LayerSpec conv = rows.layers[0].spec;
      conv.units = count;
      clipped.layers =
          empty_layers(std::vector<LayerSpec>{conv, rows.layers[1].spec}, rows.layers[0].in);
      clipped.layers[0].window_offset = rows.layers[0].window_offset;
    }
    return {triangle_candidate(clipped, fit_centroids(windows, K, count, context.seed,
                                                      static_cast<std::uint32_t>(trial) + 1))};
  }
};

class RandomConv : public PatchMethod {
 public:
  explicit RandomConv(const FitOptions& options) : PatchMethod("random-conv", options) {}

 protected:
  std::vector<FeatureCandidate> learn(int trial, const PatchRows& rows, const RowSource&,
                                      const MethodContext& context) override {
    Network network(context.seed, static_cast<std::uint32_t>(trial));
    const int K = rows.windows->num_features();
    const int stack = network.add_stack({{K, rows.layers[0].spec.units}, Unary::kRelu});
    const std::vector<float> windows = some_windows(rows, context, kMaxStatisticsRows);
    return {filter_candidate(
        rows,
        network.fold_stack(stack, windows, static_cast<std::int64_t>(windows.size()) / K)[0])};
  }
};

}  // namespace

FeatureCandidate triangle_candidate(const PatchRows& rows, Centroids centroids) {
  METAPLASTIC_CHECK(centroids.count() == rows.layers[0].spec.units);
  const auto made = std::make_shared<const Centroids>(std::move(centroids));
  FeatureCandidate candidate;
  candidate.num_features = static_cast<int>(rows.layers[1].out.size());
  candidate.encode = [layers = rows.layers, whitening = rows.whitening, made](
                         std::span<const float> images, std::int64_t num_rows,
                         std::span<float> out) {
    const EncoderLayer& conv = layers[0];
    const std::int64_t places = std::int64_t{conv.out.height} * conv.out.width;
    const std::int64_t K = window_size(conv.spec, conv.in);
    std::vector<float> padded, scratch, windows(static_cast<std::size_t>(places * K));
    std::vector<float> units(static_cast<std::size_t>(conv.out.size()));
    for (std::int64_t i = 0; i < num_rows; ++i) {
      read_windows(conv, images.data() + i * conv.in.size(), padded, windows.data());
      if (whitening) whitening->apply(windows.data(), places, scratch);
      triangle_features(*made, windows, places, units);
      run_pool(layers[1], units.data(), out.data() + i * layers[1].out.size());
    }
  };
  return candidate;
}

std::unique_ptr<FeatureMethod> patch_kmeans_method(const FitOptions& options) {
  return std::make_unique<PatchKmeans>(options);
}

std::unique_ptr<FeatureMethod> random_conv_method(const FitOptions& options) {
  return std::make_unique<RandomConv>(options);
}

}  // namespace metaplastic
