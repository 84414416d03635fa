#include "baselines/transfer.h"

#include <algorithm>

#include "apply/training_rows.h"
#include "base/error.h"
#include "base/sample.h"
#include "base/transpose.h"
#include "baselines/objectives.h"
#include "baselines/other_classes.h"
#include "baselines/pair_objectives.h"
#include "baselines/search.h"
#include "baselines/streams.h"
#include "baselines/views.h"

namespace metaplastic {
namespace {

constexpr int kEpisodeClasses = 10, kEpisodeSupport = 5, kEpisodeQuery = 8;

// Views of examples of other classes as a batch [U_0,B] with their labels.
class LabelledBatch {
 public:
  LabelledBatch(const OtherClasses& other, const ImageShape& image)
      : other_(other), maker_(image), view_(static_cast<std::size_t>(other.num_inputs)) {}

  const OtherClasses& other() const { return other_; }
  std::span<const float> x() const { return x_; }          // [U_0,B]
  std::span<const int> labels() const { return labels_; }  // [B]

  void clear() { rows_.clear(), labels_.clear(); }
  void add(int row, int label, Random& random) {
    maker_.make(other_.row(row), random, view_);
    rows_.insert(rows_.end(), view_.begin(), view_.end());
    labels_.push_back(label);
  }
  void finish() {
    x_.resize(rows_.size());
    transpose_rows(rows_, static_cast<int>(labels_.size()), x_);
  }

 private:
  const OtherClasses& other_;
  ViewMaker maker_;
  std::vector<float> view_, rows_, x_;  // [U_0], [B,U_0], [U_0,B]
  std::vector<int> labels_;
};

// Classes and examples uniform.
void draw_examples(Random& random, LabelledBatch& batch) {
  const OtherClasses& other = batch.other();
  batch.clear();
  for (int b = 0; b < kTrainingBatch; ++b) {
    const auto y =
        static_cast<std::size_t>(random.below(static_cast<std::uint32_t>(other.num_classes())));
    batch.add(random.between(other.first[y], other.first[y + 1] - 1), static_cast<int>(y), random);
  }
  batch.finish();
}

// Support class by class, then queries class by class; no example twice.
void draw_episode(Random& random, LabelledBatch& batch) {
  const OtherClasses& other = batch.other();
  batch.clear();
  const auto classes = sample_without_replacement(random, other.num_classes(), kEpisodeClasses);
  std::vector<std::vector<std::int64_t>> rows;
  for (const std::int64_t y : classes) {
    const int first = other.first[static_cast<std::size_t>(y)];
    const int count = other.first[static_cast<std::size_t>(y) + 1] - first;
    rows.push_back(sample_without_replacement(random, count, kEpisodeSupport + kEpisodeQuery));
    // Sampling gives sets in no uniform order: shuffled, any part of it is a fair sample.
    random.shuffle(std::span<std::int64_t>(rows.back()));
    for (std::int64_t& row : rows.back()) row += first;
  }
  for (const bool support : {true, false}) {
    for (int y = 0; y < kEpisodeClasses; ++y) {
      const auto& of_class = rows[static_cast<std::size_t>(y)];
      const std::size_t from = support ? 0 : kEpisodeSupport;
      const std::size_t to = support ? kEpisodeSupport : of_class.size();
      for (std::size_t n = from; n < to; ++n) batch.add(static_cast<int>(of_class[n]), y, random);
    }
  }
  batch.finish();
}

class OtherClassesMethod : public FeatureMethod {
 public:
  OtherClassesMethod(const BaseModel& model, ReadLayers layers, int num_steps, bool episodes)
      : model_(model), layers_(layers), num_steps_(num_steps), episodes_(episodes) {}
  std::string name() const override { return episodes_ ? "prototypical" : "transfer"; }
  std::optional<std::string> unsuited(const MethodContext& context) const override {
    return no_other_classes(context);
  }
  std::vector<std::string> notes() const override { return notes_; }

  std::vector<FeatureCandidate> fit(const RowSource& training_rows,
                                    const MethodContext& context) override {
    const Architecture trunk = model_.architecture(training_rows.num_features());
    const OtherClasses other = draw_other_classes(context.image.height, context.seed);
    METAPLASTIC_CHECK(other.num_inputs == trunk.num_inputs());
    // The batch norm at test time is that of the data at hand, as for every method.
    std::int64_t num_rows = 0;
    const std::vector<float> rows =
        TrainingRows(training_rows, context.seed, kTrainingBatch, Purpose::kBaseline)
            .statistics_rows(num_rows);
    auto trials =
        run_search(name(), num_steps_, context, [&](Trial& trial, const TrainingOptions& options) {
          trial.settings["other_classes"] = other.num_classes();
          trial.training = train(other, trunk, rows, num_rows, options, context, trial);
        });
    notes_.clear();
    if (!episodes_) return search_candidates(name(), std::move(trials), layers_, notes_);
    return prototype_candidates(std::move(trials));
  }

 private:
  Training train(const OtherClasses& other, const Architecture& trunk, std::span<const float> rows,
                 std::int64_t num_rows, const TrainingOptions& options,
                 const MethodContext& context, Trial& trial) const {
    const auto run = static_cast<std::uint32_t>(trial.number);
    int width = other.num_classes();
    if (episodes_) trial.settings["embedding"] = width = search_size(trial.number, {64, 128, 32});
    Network network(context.seed, run);
    TrainedLayers layers = {trunk, network.add_stack(trunk), -1};
    const int output = network.add_linear(trunk.num_features(), width);
    layers.head = episodes_ ? output : -1;
    LabelledBatch batch(other, context.image);
    return train_network(network, layers, rows, num_rows, options, [&](int step) {
      Random random(context.seed, Purpose::kBaseline, kEpisodeStream + run,
                    static_cast<std::uint32_t>(step));
      if (episodes_) {
        draw_episode(random, batch);
      } else {
        draw_examples(random, batch);
      }
      Tape<float>& tape = network.tape();
      const Var<float> x = tape.constant(batch.x().data(), trunk.num_inputs(), 1,
                                         static_cast<int>(batch.labels().size()));
      const Activations<float> activations = network.run_stack(layers.trunk, x);
      const Var<float> y = network.run_linear(
          output, activations.x[static_cast<std::size_t>(activations.num_layers)]);
      ObjectivePoint point;
      point.objective = episodes_ ? -prototype_loss(tape, y, kEpisodeClasses, kEpisodeSupport)
                                  : -cross_entropy_loss<float>(tape, y, batch.labels());
      return point;
    });
  }

  std::vector<FeatureCandidate> prototype_candidates(std::vector<Trial> trials) {
    auto candidates = search_candidates(name(), std::move(trials), kEveryLayer, notes_);
    std::erase_if(candidates, [](const FeatureCandidate& candidate) {
      return candidate.settings["layer"] != "code";
    });
    for (FeatureCandidate& candidate : candidates) {
      candidate.settings.erase("layer");
      candidate.settings.erase("features");
      candidate.classify = [encode = std::move(candidate.encode), k = candidate.num_features](
                               const LabelledDraw& draw, std::span<int> predicted) {
        const auto K = static_cast<std::size_t>(k);
        std::vector<float> support(draw.labels.size() * K), query(predicted.size() * K);
        encode(draw.support, static_cast<std::int64_t>(draw.labels.size()), support);
        encode(draw.query, static_cast<std::int64_t>(predicted.size()), query);
        classify_by_mean(support, draw.labels, draw.num_classes, query, predicted);
      };
      candidate.encode = nullptr;
    }
    return candidates;
  }

  BaseModel model_;
  ReadLayers layers_;
  int num_steps_;
  bool episodes_;
  std::vector<std::string> notes_;
};

}  // namespace

void classify_by_mean(std::span<const float> support, std::span<const int> labels, int num_classes,
                      std::span<const float> query, std::span<int> predicted) {
  const std::size_t k = support.size() / labels.size(), Y = static_cast<std::size_t>(num_classes);
  std::vector<double> means(Y * k, 0.0), counts(Y, 0.0);
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto y = static_cast<std::size_t>(labels[n]);
    ++counts[y];
    for (std::size_t u = 0; u < k; ++u) {
      means[y * k + u] += static_cast<double>(support[n * k + u]);
    }
  }
  for (std::size_t y = 0; y < Y; ++y) {
    for (std::size_t u = 0; u < k; ++u) means[y * k + u] /= counts[y];
  }
  for (std::size_t m = 0; m < predicted.size(); ++m) {
    double least = 0;
    for (std::size_t y = 0; y < Y; ++y) {
      double square = 0;
      for (std::size_t u = 0; u < k; ++u) {
        const double gap = static_cast<double>(query[m * k + u]) - means[y * k + u];
        square += gap * gap;
      }
      if (y == 0 || square < least) least = square, predicted[m] = static_cast<int>(y);
    }
  }
}

std::unique_ptr<FeatureMethod> transfer_method(const BaseModel& model, ReadLayers layers,
                                               int num_steps) {
  return std::make_unique<OtherClassesMethod>(model, layers, num_steps, false);
}
std::unique_ptr<FeatureMethod> prototypical_method(const BaseModel& model, int num_steps) {
  return std::make_unique<OtherClassesMethod>(model, kEveryLayer, num_steps, true);
}

}  // namespace metaplastic
