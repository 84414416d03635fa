#include "baselines/contrastive.h"

#include <algorithm>

#include "apply/training_rows.h"
#include "base/error.h"
#include "base/transpose.h"
#include "baselines/pair_objectives.h"
#include "baselines/search.h"
#include "baselines/streams.h"
#include "baselines/views.h"

namespace metaplastic {
namespace {

// Two views of each row: [2 n,U_0], the second views behind the first ones, as [U_0,2 n].
class ViewBatch {
 public:
  ViewBatch(const RowSource& rows, const MethodContext& context, std::uint32_t run)
      : rows_(rows, context.seed, kTrainingBatch, Purpose::kBaseline, run),
        maker_(context.image),
        seed_(context.seed),
        run_(run) {}
  int num_views() const { return 2 * rows_.batch_size(); }
  const TrainingRows& rows() const { return rows_; }

  std::span<const float> draw(int step) {
    rows_.batch(step);
    const std::span<const float> rows = rows_.last_rows();
    const std::size_t U = rows.size() / static_cast<std::size_t>(rows_.batch_size());
    views_.resize(2 * rows.size());
    batch_.resize(2 * rows.size());
    Random random(seed_, Purpose::kBaseline, kNoiseStream + run_, static_cast<std::uint32_t>(step));
    for (std::size_t at = 0; at < views_.size(); at += U) {
      maker_.make(rows.subspan(at % rows.size(), U), random, {views_.data() + at, U});
    }
    transpose_rows(views_, num_views(), batch_);
    return batch_;
  }

 private:
  TrainingRows rows_;
  ViewMaker maker_;
  std::uint64_t seed_;
  std::uint32_t run_;
  std::vector<float> views_, batch_;
};

class ContrastiveMethod : public FeatureMethod {
 public:
  ContrastiveMethod(const BaseModel& model, ReadLayers layers, int num_steps)
      : model_(model), layers_(layers), num_steps_(std::max(1, num_steps / 2)) {}
  std::string name() const override { return "contrastive"; }
  std::vector<std::string> notes() const override { return notes_; }

  std::vector<FeatureCandidate> fit(const RowSource& training_rows,
                                    const MethodContext& context) override {
    if (training_rows.num_rows() < 2) {
      fail("contrastive: expected at least 2 rows to learn from, found {}; use more data",
           training_rows.num_rows());
    }
    const Architecture trunk = model_.architecture(training_rows.num_features());
    auto trials =
        run_search(name(), num_steps_, context, [&](Trial& trial, const TrainingOptions& options) {
          train(training_rows, trunk, context, options, trial);
        });
    notes_.clear();
    if (!ViewMaker(context.image).augments_images()) {
      notes_.emplace_back("the data are no square images, so views differ by masked inputs only");
    }
    return search_candidates(name(), std::move(trials), layers_, notes_);
  }

 private:
  static void train(const RowSource& training_rows, const Architecture& trunk,
                    const MethodContext& context, const TrainingOptions& options, Trial& trial) {
    const int width = search_size(trial.number, {64, 32});
    const float temperature = trial.number % 3 == 1 ? 0.5f : 0.2f;
    trial.settings["projection"] = width;
    trial.settings["temperature"] = temperature == 0.5f ? 0.5 : 0.2;
    const auto run = static_cast<std::uint32_t>(trial.number);
    Network network(context.seed, run);
    const int top = trunk.num_features();
    const TrainedLayers layers = {trunk, network.add_stack(trunk), -1};
    const int hidden = network.add_stack({{top, top}, trunk.activation});
    const int output = network.add_linear(top, width);
    ViewBatch views(training_rows, context, run);
    std::int64_t num_rows = 0;
    const std::vector<float> rows = views.rows().statistics_rows(num_rows);
    trial.training = train_network(network, layers, rows, num_rows, options, [&](int step) {
      const std::span<const float> batch = views.draw(step);
      const Var<float> x =
          network.tape().constant(batch.data(), trunk.num_inputs(), 1, views.num_views());
      const Activations<float> encoded = network.run_stack(layers.trunk, x);
      const Activations<float> projected =
          network.run_stack(hidden, encoded.x[static_cast<std::size_t>(encoded.num_layers)]);
      ObjectivePoint point;
      point.objective =
          -contrast_loss(network.tape(), network.run_linear(output, projected.x[1]), temperature);
      return point;
    });
  }

  BaseModel model_;
  ReadLayers layers_;
  int num_steps_;
  std::vector<std::string> notes_;
};

}  // namespace

std::unique_ptr<FeatureMethod> contrastive_method(const BaseModel& model, ReadLayers layers,
                                                  int num_steps) {
  return std::make_unique<ContrastiveMethod>(model, layers, num_steps);
}

}  // namespace metaplastic
