#include "eval/input_beside.h"

#include <algorithm>
#include <utility>

namespace metaplastic {
namespace {

FeatureCandidate beside(const FeatureCandidate& alone, std::span<const float> staged,
                        std::span<const float> sample, std::int64_t num_rows) {
  const auto U_0 = static_cast<int>(sample.size()) / static_cast<int>(num_rows);
  std::vector<float> features(static_cast<std::size_t>(num_rows * alone.num_features));
  alone.encode(staged, num_rows, features);
  FeatureCandidate candidate = alone;
  candidate.settings["with_input"] = true;
  candidate.settings["features"] = U_0 + alone.num_features;
  candidate.input_scale = candidate.inputs * input_scale(features, sample, num_rows);
  return candidate;
}

}  // namespace

std::vector<FeatureCandidate> offer_inputs(std::vector<FeatureCandidate> candidates,
                                           const RowSource& training_rows,
                                           std::optional<bool> with_input) {
  if (with_input == false) return candidates;
  const std::vector<float> sample = scale_rows(training_rows);
  const std::int64_t num_rows =
      static_cast<std::int64_t>(sample.size()) / training_rows.num_features();
  std::shared_ptr<const FeatureStage> stage;
  std::vector<float> staged = sample;
  std::vector<FeatureCandidate> offered;
  for (FeatureCandidate& candidate : candidates) {
    const bool fixed = candidate.is_input || candidate.spreads || !candidate.encode;
    std::optional<FeatureCandidate> more;
    if (!fixed && candidate.stage != stage) {
      stage = candidate.stage;
      staged = stage_features(stage.get(), sample, num_rows);
    }
    if (!fixed) more = beside(candidate, staged, sample, num_rows);
    if (fixed || !with_input) offered.push_back(std::move(candidate));
    if (more) offered.push_back(std::move(*more));
  }
  return offered;
}

}  // namespace metaplastic
