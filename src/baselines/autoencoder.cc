#include "baselines/autoencoder.h"

#include <algorithm>

#include "apply/training_rows.h"
#include "base/error.h"
#include "baselines/objectives.h"
#include "baselines/search.h"
#include "baselines/streams.h"

namespace metaplastic {
namespace {

// The layers of one autoencoder in its network.
struct Layers {
  int trunk, code, spread, decoder, output;
};

Layers add_layers(Network& network, const Architecture& trunk, const AutoencoderOptions& options) {
  Layers layers{};
  layers.trunk = network.add_stack(trunk);
  layers.code = network.add_linear(trunk.num_features(), options.code);
  layers.spread = options.kind == AutoencoderKind::kVariational
                      ? network.add_linear(trunk.num_features(), options.code)
                      : -1;
  Architecture decoder;
  decoder.activation = trunk.activation;
  decoder.widths = {options.code};
  for (std::size_t l = trunk.widths.size() - 1; l >= 1; --l) {
    decoder.widths.push_back(trunk.widths[l]);
  }
  layers.decoder = network.add_stack(decoder);
  layers.output = network.add_linear(decoder.widths.back(), trunk.num_inputs());
  return layers;
}

class Autoencoder {
 public:
  Autoencoder(const RowSource& rows, const Architecture& trunk, const AutoencoderOptions& options)
      : options_(options),
        network_(options.seed, options.run),
        layers_(add_layers(network_, trunk, options)),
        rows_(rows, options.seed, kTrainingBatch, Purpose::kBaseline, options.run) {}

  Network& network() { return network_; }
  const Layers& layers() const { return layers_; }
  const TrainingRows& rows() const { return rows_; }

  ObjectivePoint set_bars(int step) {
    const std::span<const float> batch = rows_.batch(step);
    const int B = rows_.batch_size();
    Tape<float>& tape = network_.tape();
    Random noise(options_.seed, Purpose::kBaseline, kNoiseStream + options_.run,
                 static_cast<std::uint32_t>(step));
    const Var<float> x = input(tape, batch, B, noise);
    const Activations<float> trunk = network_.run_stack(layers_.trunk, x);
    const Var<float> top = trunk.x[static_cast<std::size_t>(trunk.num_layers)];
    Var<float> code = network_.run_linear(layers_.code, top);
    ObjectivePoint point;
    if (options_.kind == AutoencoderKind::kVariational) {
      const Var<float> mean = code;
      const Var<float> deviation =
          map(tape, Unary::kSoftplus, network_.run_linear(layers_.spread, top));
      point.divergence = divergence_loss(tape, mean, deviation);
      code = combine(tape, 1.0f, mean, 1.0f, multiply(tape, deviation, normals(tape, mean, noise)));
    }
    const Activations<float> decoded = network_.run_stack(layers_.decoder, code);
    const Var<float> output = network_.run_linear(
        layers_.output, decoded.x[static_cast<std::size_t>(decoded.num_layers)]);
    point.reconstruction = -reconstruction_loss(output, batch);
    point.objective = point.reconstruction - point.divergence;
    return point;
  }

 private:
  double reconstruction_loss(const Var<float>& output, std::span<const float> batch) {
    Tape<float>& tape = network_.tape();
    if (options_.deviation > 0) return pixel_loss(tape, output, batch, options_.deviation);
    return options_.bernoulli ? bernoulli_loss(tape, output, batch)
                              : squared_loss(tape, output, batch);
  }

  // The batch, of the denoising kind with a random share of the inputs masked.
  Var<float> input(Tape<float>& tape, std::span<const float> batch, int B, Random& noise) const {
    const int U_0 = static_cast<int>(batch.size()) / B;
    if (options_.kind != AutoencoderKind::kDenoising) {
      return tape.constant(batch.data(), U_0, 1, B);
    }
    float* masked = tape.scratch(static_cast<std::ptrdiff_t>(batch.size()));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      masked[i] = static_cast<double>(noise.uniform()) < options_.masked_share ? 0.0f : batch[i];
    }
    return tape.constant(masked, U_0, 1, B);
  }

  static Var<float> normals(Tape<float>& tape, const Var<float>& like, Random& noise) {
    float* values = tape.scratch(like.size());
    std::generate_n(values, like.size(), [&] { return noise.normal(); });
    return tape.constant(values, like.units(), 1, like.examples());
  }

  AutoencoderOptions options_;
  Network network_;
  Layers layers_;
  TrainingRows rows_;
};

const char* kind_text(AutoencoderKind kind) {
  switch (kind) {
    case AutoencoderKind::kPlain:
      return "autoencoder";
    case AutoencoderKind::kDenoising:
      return "denoising";
    case AutoencoderKind::kVariational:
      return "vae";
  }
  METAPLASTIC_CHECK(false);
  return "";
}

class AutoencoderMethod : public FeatureMethod {
 public:
  AutoencoderMethod(AutoencoderKind kind, const BaseModel& model, ReadLayers layers, int num_steps)
      : kind_(kind), model_(model), layers_(layers), num_steps_(num_steps) {}
  std::string name() const override { return kind_text(kind_); }

  std::vector<FeatureCandidate> fit(const RowSource& training_rows,
                                    const MethodContext& context) override {
    auto trials =
        run_search(name(), num_steps_, context, [&](Trial& trial, TrainingOptions training) {
          AutoencoderOptions options;
          options.kind = kind_;
          options.model = model_;
          options.bernoulli = context.image.size() > 0;
          options.seed = context.seed;
          options.run = static_cast<std::uint32_t>(trial.number);
          options.training = std::move(training);
          tune(trial, options);
          trial.training = train_autoencoder(training_rows, options);
        });
    notes_.clear();
    return search_candidates(name(), std::move(trials), layers_, notes_);
  }
  std::vector<std::string> notes() const override { return notes_; }

 private:
  void tune(Trial& trial, AutoencoderOptions& options) const {
    options.code = search_size(trial.number, {32, 64, 16});
    trial.settings["code"] = options.code;
    if (kind_ != AutoencoderKind::kDenoising) return;
    options.masked_share = search_size(trial.number, {30, 50}) / 100.0;
    trial.settings["masked"] = options.masked_share;
  }

  AutoencoderKind kind_;
  BaseModel model_;
  ReadLayers layers_;
  int num_steps_;
  std::vector<std::string> notes_;
};

}  // namespace

Training train_autoencoder(const RowSource& training_rows, const AutoencoderOptions& options) {
  METAPLASTIC_CHECK(options.code >= 1);
  if (training_rows.num_rows() < 2) {
    fail("{}: expected at least 2 rows to learn from, found {}; use more data",
         kind_text(options.kind), training_rows.num_rows());
  }
  const Architecture trunk = options.model.architecture(training_rows.num_features());
  Autoencoder autoencoder(training_rows, trunk, options);
  std::int64_t num_rows = 0;
  const std::vector<float> rows = autoencoder.rows().statistics_rows(num_rows);
  return train_network(
      autoencoder.network(), {trunk, autoencoder.layers().trunk, autoencoder.layers().code}, rows,
      num_rows, options.training, [&](int step) { return autoencoder.set_bars(step); });
}

std::unique_ptr<FeatureMethod> autoencoder_method(AutoencoderKind kind, const BaseModel& model,
                                                  ReadLayers layers, int num_steps) {
  return std::make_unique<AutoencoderMethod>(kind, model, layers, num_steps);
}

}  // namespace metaplastic
