#include "eval/layer_candidates.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace metaplastic {
namespace {

// An encoder cut in two: the widths of the lower layers, whose features stand side by side in the
// stage, and the layers above them.
struct CutEncoder {
  std::vector<int> widths;  // of layers 1, 2, .. below the cut
  Encoder above;
  bool has_above = false;

  int num_below() const { return static_cast<int>(widths.size()); }
};

CutEncoder cut(Encoder encoder, std::size_t num_below) {
  CutEncoder result;
  const auto middle = encoder.layers.begin() + static_cast<std::ptrdiff_t>(num_below);
  Encoder below = encoder;
  below.layers.assign(encoder.layers.begin(), middle);
  for (int l = 1; l <= below.num_layers(); ++l) result.widths.push_back(below.num_features(l));
  encoder.layers.erase(encoder.layers.begin(), middle);
  result.has_above = !encoder.layers.empty();
  result.above = std::move(encoder);
  return result;
}

// Columns [first, first + width) of rows [n,S].
std::vector<float> columns(std::span<const float> rows, std::int64_t n, std::int64_t first,
                           std::int64_t width) {
  const std::int64_t S = static_cast<std::int64_t>(rows.size()) / n;
  std::vector<float> out(static_cast<std::size_t>(n * width));
  for (std::int64_t i = 0; i < n; ++i)
    std::copy_n(rows.data() + i * S + first, width, out.data() + i * width);
  return out;
}

// staged [n,S] -> out, as the whole encoder would.
void encode_staged(const CutEncoder& encoder, int layer, std::span<const float> staged,
                   std::int64_t n, std::span<float> out) {
  std::int64_t first = 0;
  for (int l = 1; l < encoder.num_below() && l != layer; ++l)
    first += encoder.widths[static_cast<std::size_t>(l - 1)];
  const int last = layer >= 1 && layer <= encoder.num_below() ? layer : encoder.num_below();
  const std::vector<float> part =
      columns(staged, n, first, encoder.widths[static_cast<std::size_t>(last - 1)]);
  if (layer >= 1 && layer <= encoder.num_below()) {
    std::ranges::copy(part, out.begin());
    return;
  }
  if (layer != Readout::kAll)
    return encode(encoder.above, part, n, Readout{.layer = layer - encoder.num_below()}, out);
  if (!encoder.has_above) {
    std::ranges::copy(staged, out.begin());
    return;
  }
  const Readout all{.layer = Readout::kAll};
  const std::int64_t F = num_features(encoder.above, all);
  std::vector<float> above(static_cast<std::size_t>(n * F));
  encode(encoder.above, part, n, all, above);
  const std::int64_t S = static_cast<std::int64_t>(staged.size()) / n;
  for (std::int64_t i = 0; i < n; ++i) {
    float* const row = std::copy_n(staged.data() + i * S, S, out.data() + i * (S + F));
    std::copy_n(above.data() + i * F, F, row);
  }
}

}  // namespace

std::shared_ptr<const FeatureStage> layer_stage(std::vector<EncoderLayer> layers,
                                                Unary activation) {
  auto encoder = std::make_shared<Encoder>();
  encoder->layers = std::move(layers);
  encoder->activation = activation;
  if (encoder->num_layers() == 0) return nullptr;
  const Readout all{.layer = Readout::kAll};
  auto stage = std::make_shared<FeatureStage>();
  stage->num_features = num_features(*encoder, all);
  stage->encode = [encoder, all](std::span<const float> rows, std::int64_t n,
                                 std::span<float> out) { encode(*encoder, rows, n, all, out); };
  return stage;
}

void add_layer_candidates(std::vector<Encoder> encoders, std::size_t num_below,
                          std::shared_ptr<const FeatureStage> stage, const ReadLayers& layers,
                          const nlohmann::json& settings,
                          std::vector<FeatureCandidate>& candidates) {
  for (Encoder& made : encoders) {
    const auto encoder = std::make_shared<const Encoder>(std::move(made));
    const auto parts =
        stage ? std::make_shared<const CutEncoder>(cut(*encoder, num_below)) : nullptr;
    for (const int layer : layers_to_try(layers, encoder->num_layers())) {
      FeatureCandidate candidate;
      candidate.num_features = num_features(*encoder, Readout{.layer = layer});
      candidate.steps = encoder->record.inner_steps;
      candidate.settings = settings;
      candidate.settings["features"] = candidate.num_features;
      put_layer(layers, layer, candidate.settings);
      candidate.stage = stage;
      candidate.encode = [encoder, parts, layer](std::span<const float> rows, std::int64_t n,
                                                 std::span<float> out) {
        if (parts) return encode_staged(*parts, layer, rows, n, out);
        encode(*encoder, rows, n, Readout{.layer = layer}, out);
      };
      candidates.push_back(std::move(candidate));
    }
  }
}

}  // namespace metaplastic
