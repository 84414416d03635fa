#include "eval/method.h"

#include <numeric>

namespace metaplastic {

std::vector<int> layers_to_try(const ReadLayers& choice, int num_layers) {
  if (choice) {
    check_layer({.layer = *choice}, num_layers);
    return {*choice == Readout::kTop ? num_layers : *choice};
  }
  std::vector<int> layers(static_cast<std::size_t>(num_layers));
  std::iota(layers.begin(), layers.end(), 1);
  if (num_layers > 1) layers.push_back(Readout::kAll);
  return layers;
}

std::vector<float> stage_features(const FeatureStage* stage, std::span<const float> rows,
                                  std::int64_t num_rows) {
  if (stage == nullptr) return {rows.begin(), rows.end()};
  std::vector<float> features(static_cast<std::size_t>(num_rows * stage->num_features));
  stage->encode(rows, num_rows, features);
  return features;
}

void put_layer(const ReadLayers& choice, int layer, nlohmann::json& settings) {
  settings["layer"] = layer;
  if (layer == Readout::kAll) settings["layer"] = "all";
  if (choice == Readout::kTop) settings["readout"] = "top";
}

}  // namespace metaplastic
