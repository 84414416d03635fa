#include "eval/input_beside.h"

#include <algorithm>
#include <utility>

namespace metaplastic {
namespace {

// Rows that are encoded at once.
constexpr std::int64_t kBesideRows = 4096;

FeatureCandidate beside(const FeatureCandidate& alone, std::span<const float> sample, int U_0) {
  const auto sample_rows = static_cast<std::int64_t>(sample.size()) / U_0;
  const int F = alone.num_features;
  std::vector<float> features(static_cast<std::size_t>(sample_rows * F));
  alone.encode(sample, sample_rows, features);
  const float scale = input_scale(features, sample, sample_rows);
  FeatureCandidate candidate = alone;
  candidate.settings["with_input"] = true;
  candidate.settings["features"] = candidate.num_features = U_0 + F;
  candidate.encode = [encode = alone.encode, scale, U_0, F](
                         std::span<const float> rows, std::int64_t num_rows, std::span<float> out) {
    std::vector<float> block;
    for (std::int64_t first = 0; first < num_rows; first += kBesideRows) {
      const std::int64_t count = std::min(kBesideRows, num_rows - first);
      const auto inputs = rows.subspan(static_cast<std::size_t>(first * U_0),
                                       static_cast<std::size_t>(count * U_0));
      block.resize(static_cast<std::size_t>(count * F));
      encode(inputs, count, block);
      put_beside(inputs, scale, block, count,
                 out.subspan(static_cast<std::size_t>(first * (U_0 + F)),
                             static_cast<std::size_t>(count * (U_0 + F))));
    }
  };
  return candidate;
}

}  // namespace

std::vector<FeatureCandidate> offer_inputs(std::vector<FeatureCandidate> candidates,
                                           const RowSource& training_rows,
                                           std::optional<bool> with_input) {
  if (with_input == false) return candidates;
  const std::vector<float> sample = scale_rows(training_rows);
  std::vector<FeatureCandidate> offered;
  for (FeatureCandidate& candidate : candidates) {
    const bool fixed = candidate.is_input || !candidate.encode;
    std::optional<FeatureCandidate> more;
    if (!fixed) more = beside(candidate, sample, training_rows.num_features());
    if (fixed || !with_input) offered.push_back(std::move(candidate));
    if (more) offered.push_back(std::move(*more));
  }
  return offered;
}

}  // namespace metaplastic
