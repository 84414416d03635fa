#include "baselines/whitened_candidates.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "apply/augmented_images.h"
#include "apply/view_whitening.h"
#include "base/sample.h"
#include "baselines/streams.h"
#include "data/dataset_rows.h"

namespace metaplastic {
namespace {

constexpr std::int64_t kEncodedBlock = 512;

std::shared_ptr<const RowSource> encoded(const RowSource& images, const FeatureStage& stage) {
  const std::int64_t N = images.num_rows(), F = stage.num_features, U_0 = images.num_features();
  std::vector<float> features(static_cast<std::size_t>(N * F));
  std::vector<float> block(static_cast<std::size_t>(kEncodedBlock * U_0));
  for (std::int64_t first = 0; first < N; first += kEncodedBlock) {
    const std::int64_t count = std::min(kEncodedBlock, N - first);
    const std::span<float> rows = std::span(block).first(static_cast<std::size_t>(count * U_0));
    images.read_rows(first, count, rows);
    stage.encode(rows, count,
                 std::span(features).subspan(static_cast<std::size_t>(first * F),
                                             static_cast<std::size_t>(count * F)));
  }
  return rows_of(std::move(features), static_cast<int>(F));
}

// features [N,F] -> out [N,F+M] or, alone, [N,M]: the whitened values, behind the features.
EncodeRows whitened(std::shared_ptr<const WindowWhitening> whitening, bool alone) {
  return [whitening = std::move(whitening), alone](std::span<const float> features, std::int64_t N,
                                                   std::span<float> out) {
    const std::int64_t F = whitening->size(), M = whitening->num_directions();
    const std::shared_ptr<const RowSource> values =
        whiten_rows(*rows_of({features.begin(), features.end()}, whitening->size()), *whitening);
    if (alone) return values->read_rows(0, N, out);
    for (std::int64_t i = 0; i < N; ++i) {
      float* const row = std::copy_n(features.data() + i * F, F, out.data() + i * (F + M));
      values->read_rows(i, 1, {row, static_cast<std::size_t>(M)});
    }
  };
}

}  // namespace

std::vector<FeatureCandidate> with_whitened_views(std::span<const FeatureCandidate> candidates,
                                                  const RowSource& images,
                                                  const MethodContext& context, int trial) {
  Random random(context.seed, Purpose::kBaseline, kViewStream, static_cast<std::uint32_t>(trial));
  const auto drawn = std::make_shared<const std::vector<std::int64_t>>(
      sorted_sample(random, images.num_rows(), kMaxViewRows));
  const std::shared_ptr<const RowSource> borrowed(std::shared_ptr<void>(), &images);
  const PickedRows rows(borrowed, drawn);
  const PickedRows views(std::make_shared<AugmentedImages>(borrowed, context.image, context.seed),
                         drawn);
  std::vector<FeatureCandidate> offered;
  for (const FeatureCandidate& candidate : candidates) {
    offered.push_back(candidate);
    if (candidate.num_features > kMaxViewInputs) continue;
    if (context.should_stop && context.should_stop()) throw Stopped{};
    const auto stage = std::make_shared<const FeatureStage>(
        FeatureStage{candidate.num_features, candidate.encode});
    const auto whitening = std::make_shared<const WindowWhitening>(
        fit_view_whitening(*encoded(rows, *stage), *encoded(views, *stage)));
    offered.back().stage = stage;
    offered.back().encode = [](std::span<const float> features, std::int64_t,
                               std::span<float> out) { std::ranges::copy(features, out.begin()); };
    for (const bool alone : {true, false}) {
      FeatureCandidate made = offered.back();
      made.settings = candidate.settings;
      made.settings["whitened"] = alone ? "alone" : "beside";
      made.num_features = (alone ? 0 : candidate.num_features) + whitening->num_directions();
      made.encode = whitened(whitening, alone);
      offered.push_back(std::move(made));
    }
  }
  return offered;
}

}  // namespace metaplastic
