// The layers of encoders as candidates. Encoders that share their lower layers share what these
// give, too: it is computed once.
#pragma once

#include <memory>
#include <vector>

#include "apply/encoder.h"
#include "eval/method.h"

namespace metaplastic {

// All layers with weights side by side, as a stage for candidates above them; nothing where no
// layer has weights.
std::shared_ptr<const FeatureStage> layer_stage(std::vector<EncoderLayer> layers, Unary activation);

// Adds one candidate per encoder and layer that `layers` asks for. The first `num_below` layers of
// each encoder, pools included, are those of the stage, if there is one. `settings` and the layer
// stand in each candidate's settings.
void add_layer_candidates(std::vector<Encoder> encoders, std::size_t num_below,
                          std::shared_ptr<const FeatureStage> stage, const ReadLayers& layers,
                          const nlohmann::json& settings,
                          std::vector<FeatureCandidate>& candidates);

}  // namespace metaplastic
