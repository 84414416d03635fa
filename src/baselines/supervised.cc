#include "baselines/supervised.h"

#include <algorithm>

#include "apply/training_rows.h"
#include "base/error.h"
#include "baselines/objectives.h"
#include "baselines/search.h"

namespace metaplastic {
namespace {

struct TrainingSetting {
  double lr;
  int num_steps;
  std::uint32_t run;
  std::uint64_t seed;
};

// The network after training on the support; its head gives the logits.
NetworkState train_on(const LabelledDraw& draw, const Architecture& trunk,
                      const TrainingSetting& setting, const MethodContext& context) {
  // The label rides along as one more input, so that a batch keeps rows and labels together.
  const auto U = static_cast<std::size_t>(trunk.num_inputs());
  const std::size_t n = draw.labels.size();
  std::vector<float> labelled;
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = draw.support.subspan(i * U, U);
    labelled.insert(labelled.end(), row.begin(), row.end());
    labelled.push_back(static_cast<float>(draw.labels[i]));
  }
  const auto source = rows_of(std::move(labelled), static_cast<int>(U) + 1);
  TrainingRows rows(*source, setting.seed, kTrainingBatch, Purpose::kBaseline, setting.run);
  Network network(setting.seed, setting.run);
  const TrainedLayers layers = {trunk, network.add_stack(trunk),
                                network.add_linear(trunk.num_features(), draw.num_classes)};
  TrainingOptions options;
  options.lr = setting.lr;
  options.num_steps = setting.num_steps;
  options.stops = {setting.num_steps};
  options.should_stop = context.should_stop;
  std::vector<int> labels;
  Training training = train_network(
      network, layers, draw.support, static_cast<std::int64_t>(n), options, [&](int step) {
        const std::span<const float> batch = rows.batch(step);  // [U+1,B]
        const int B = rows.batch_size();
        labels.clear();
        for (const float label : batch.subspan(U * static_cast<std::size_t>(B))) {
          labels.push_back(static_cast<int>(label));
        }
        Tape<float>& tape = network.tape();
        const Var<float> x = tape.constant(batch.data(), static_cast<int>(U), 1, B);
        const Activations<float> activations = network.run_stack(layers.trunk, x);
        const Var<float> logits = network.run_linear(
            layers.head, activations.x[static_cast<std::size_t>(activations.num_layers)]);
        ObjectivePoint point;
        point.objective = -cross_entropy_loss<float>(tape, logits, labels);
        return point;
      });
  if (training.states.empty()) {
    fail(
        "method supervised: expected finite losses, found others at step {}; leave it out of "
        "--methods",
        training.broken_at.value_or(0));
  }
  return std::move(training.states.back());
}

class SupervisedMethod : public FeatureMethod {
 public:
  explicit SupervisedMethod(const BaseModel& model) : model_(model) {}
  std::string name() const override { return "supervised"; }

  std::vector<FeatureCandidate> fit(const RowSource& training_rows,
                                    const MethodContext& context) override {
    const Architecture trunk = model_.architecture(training_rows.num_features());
    std::vector<FeatureCandidate> candidates;
    for (int trial = 0; trial < context.num_tunings; ++trial) {
      const TrainingSetting setting = {search_lr(trial), search_size(trial, {100, 300, 30}),
                                       static_cast<std::uint32_t>(trial), context.seed};
      FeatureCandidate candidate;
      candidate.settings = {{"lr", setting.lr}, {"tunings", context.num_tunings}};
      candidate.steps = setting.num_steps;
      candidate.classify = [trunk, setting, context](const LabelledDraw& draw,
                                                     std::span<int> predicted) {
        const NetworkState state = train_on(draw, trunk, setting, context);
        const int Y = draw.num_classes;
        std::vector<float> logits(predicted.size() * static_cast<std::size_t>(Y));
        encode_state(state, draw.query, static_cast<std::int64_t>(predicted.size()),
                     state.num_layers(), logits);
        for (std::size_t m = 0; m < predicted.size(); ++m) {
          const float* row = logits.data() + m * static_cast<std::size_t>(Y);
          predicted[m] = static_cast<int>(std::max_element(row, row + Y) - row);
        }
      };
      candidates.push_back(std::move(candidate));
    }
    return candidates;
  }

 private:
  BaseModel model_;
};

}  // namespace

std::unique_ptr<FeatureMethod> supervised_method(const BaseModel& model) {
  return std::make_unique<SupervisedMethod>(model);
}

}  // namespace metaplastic
