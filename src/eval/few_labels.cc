#include "eval/few_labels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "eval/held_out.h"
#include "objective/linear_probe.h"
#include "objective/standard_logistic.h"

namespace metaplastic {
namespace {

using Rows = std::vector<std::int64_t>;

// Shares of ridge regression that are tried. Logistic regression always has a share: it is what is
// known where an encoder has nothing to tell.
constexpr std::array kShares = {0.875, 0.75, 0.5};
// Less in the blend is left out: it costs features and changes nothing.
constexpr double kSmallestWeight = 0.01;

std::vector<float> features_of(const Encoder& encoder, const Readout& readout,
                               const LabelledRows& labelled) {
  const auto n = static_cast<std::int64_t>(labelled.num_rows());
  std::vector<float> features(static_cast<std::size_t>(n * num_features(encoder, readout)));
  encode(encoder, labelled.rows, n, readout, features);
  return features;
}

double mean_of(std::span<const double> values, const Rows& rows) {
  double sum = 0;
  for (const std::int64_t row : rows) sum += values[static_cast<std::size_t>(row)];
  return sum / static_cast<double>(rows.size());
}

// Of the logits, beside the losses of logistic regression alone.
OutOfFold out_of_fold(std::span<const double> logits, const RowLosses& alone,
                      const LabelledRows& labelled, const Folds& folds) {
  const RowLosses losses = row_losses(logits, labelled, folds);
  const auto count = static_cast<double>(folds.rows.size());
  OutOfFold found;
  found.loss = mean_of(losses.loss, folds.rows);
  found.accuracy = mean_of(losses.right, folds.rows);
  found.gain = mean_of(alone.loss, folds.rows) - found.loss;
  double square = 0;
  for (const std::int64_t row : folds.rows) {
    const auto i = static_cast<std::size_t>(row);
    square += std::pow(alone.loss[i] - losses.loss[i] - found.gain, 2);
  }
  found.gain_error = std::sqrt(square / (count - 1) / count);
  return found;
}

// Logistic regression alone, then ridge regression of the inputs, then of each encoder what is
// worth a trial.
std::vector<ReadoutTrial> trials_of(std::span<const Encoder> encoders) {
  std::vector<ReadoutTrial> trials(2);
  for (ReadoutTrial& trial : trials) {
    trial.readout = {.layer = Readout::kNone, .with_input = true};
  }
  for (std::size_t e = 0; e < encoders.size(); ++e) {
    const bool one_layer = encoders[e].num_layers() == 1;
    for (const int layer : {Readout::kAll, 1}) {
      if (one_layer && layer == Readout::kAll) continue;
      for (const bool with_input : {false, true}) {
        if (!one_layer && layer == 1 && !with_input) continue;
        ReadoutTrial trial;
        trial.encoder = e;
        trial.readout = {.layer = layer, .with_input = with_input};
        trials.push_back(trial);
      }
    }
  }
  return trials;
}

// A trial with one of the shares.
struct Candidate {
  std::size_t trial = 0;
  double share = 0, loss = 0, weight = 0;
};

// Tries the shares of a trial; the best one stays in it.
void try_shares(std::size_t index, const HeldOut& logistic, const HeldOut& ridge,
                const RowLosses& alone, const LabelledRows& labelled, const Folds& folds,
                ReadoutTrial& trial, std::vector<Candidate>& candidates) {
  trial.lambda = ridge.lambda;
  trial.factor = ridge.factor;
  for (const double share : kShares) {
    const OutOfFold found =
        out_of_fold(blend(ridge.logits, logistic.logits, share), alone, labelled, folds);
    candidates.push_back({index, share, found.loss});
    if (trial.share > 0 && found.loss >= trial.loss) continue;
    static_cast<OutOfFold&>(trial) = found;
    trial.share = share;
  }
}

// Weights of the trials, from those of the candidates that read the inputs or the encoder.
void set_weights(std::vector<Candidate> candidates, double num_rows, FewLabelChoice& choice) {
  std::erase_if(candidates, [&](const Candidate& candidate) {
    const ReadoutTrial& trial = choice.trials[candidate.trial];
    return trial.readout.layer != Readout::kNone && trial.encoder != choice.encoder;
  });
  double least = choice.logistic().loss, total = 0;
  for (const Candidate& candidate : candidates) least = std::min(least, candidate.loss);
  const auto weight = [&](double loss) {
    return std::exp(-kWeightOfLoss * num_rows * (loss - least));
  };
  for (Candidate& candidate : candidates) total += candidate.weight = weight(candidate.loss);
  total += weight(choice.logistic().loss);
  for (const Candidate& candidate : candidates) {
    choice.trials[candidate.trial].weight += candidate.share * candidate.weight / total;
  }
  choice.trials[0].weight = 1;
  for (std::size_t t = 1; t < choice.trials.size(); ++t) {
    double& of_trial = choice.trials[t].weight;
    if (of_trial < kSmallestWeight) of_trial = 0;
    choice.trials[0].weight -= of_trial;
  }
}

// The blend's logits by the weights of the trials.
std::vector<double> blended(const FewLabelChoice& choice, std::span<const HeldOut> held) {
  std::vector<double> logits(held[0].logits.size(), 0);
  for (std::size_t t = 0; t < held.size(); ++t) {
    const double weight = choice.trials[t].weight;
    for (std::size_t i = 0; i < logits.size() && weight > 0; ++i) {
      logits[i] += weight * held[t].logits[i];
    }
  }
  return logits;
}

// What the blend reads: the layers of all trials with a weight, beside the inputs.
Readout readout_of(const FewLabelChoice& choice) {
  Readout readout = {.layer = Readout::kNone, .with_input = true};
  for (const ReadoutTrial& trial : choice.trials) {
    if (trial.weight == 0 || trial.readout.layer == Readout::kNone) continue;
    if (readout.layer != Readout::kAll) readout.layer = trial.readout.layer;
  }
  return readout;
}

// W [F,Y] += factor * weights, from the feature `first` on; b [Y] likewise.
void add_weights(const ProbeWeights& weights, double factor, double of_inputs, std::size_t inputs,
                 std::size_t first, LinearClassifier& classifier) {
  const std::size_t Y = weights.b.size();
  for (std::size_t i = 0; i < weights.W.size(); ++i) {
    const double scale = i / Y < inputs ? factor * of_inputs : factor;
    classifier.W[first * Y + i] += static_cast<float>(scale * static_cast<double>(weights.W[i]));
  }
  for (std::size_t y = 0; y < Y; ++y) {
    classifier.b[y] += static_cast<float>(factor * static_cast<double>(weights.b[y]));
  }
}

}  // namespace

FewLabelChoice choose_readout(std::span<const Encoder> encoders, const LabelledRows& labelled,
                              const FewLabelOptions& options, ThreadPool& pool) {
  METAPLASTIC_CHECK(!encoders.empty());
  const Folds folds = make_folds(labelled, options);
  FewLabelChoice choice;
  choice.trials = trials_of(encoders);
  std::vector<HeldOut> held(choice.trials.size());
  pool.parallel_for(static_cast<int>(held.size()), [&](int, int index) {
    const auto t = static_cast<std::size_t>(index);
    const ReadoutTrial& trial = choice.trials[t];
    held[t] = t == 0 ? hold_out_logistic(labelled, folds)
                     : hold_out_ridge(features_of(encoders[trial.encoder], trial.readout, labelled),
                                      labelled, folds);
  });
  const HeldOut& logistic = held.front();
  const RowLosses alone = row_losses(logistic.logits, labelled, folds);
  choice.logistic_factor = logistic.factor;
  static_cast<OutOfFold&>(choice.trials[0]) = out_of_fold(logistic.logits, alone, labelled, folds);
  std::vector<Candidate> candidates;
  double least = 0;
  for (std::size_t t = 1; t < held.size(); ++t) {
    ReadoutTrial& trial = choice.trials[t];
    try_shares(t, logistic, held[t], alone, labelled, folds, trial, candidates);
    if (trial.readout.layer == Readout::kNone || (least > 0 && trial.loss >= least)) continue;
    choice.encoder = trial.encoder;
    least = trial.loss;
  }
  set_weights(std::move(candidates), static_cast<double>(folds.rows.size()), choice);
  choice.blend = out_of_fold(blended(choice, held), alone, labelled, folds);
  if (choice.blend.gain <= kWantedErrors * choice.blend.gain_error) {
    for (ReadoutTrial& trial : choice.trials) trial.weight = 0;
    choice.trials[0].weight = 1;
    choice.blend = choice.trials[0];
  }
  choice.factor = best_factor(blended(choice, held), labelled, folds, kLargestFactor);
  return choice;
}

Encoder with_classifier(std::span<const Encoder> encoders, const LabelledRows& labelled,
                        const FewLabelChoice& choice) {
  Encoder encoder = encoders[choice.encoder];
  encoder.readout = readout_of(choice);
  const auto U = static_cast<std::size_t>(encoder.num_inputs());
  const auto F = static_cast<std::size_t>(num_features(encoder, encoder.readout));
  const auto Y = static_cast<int>(labelled.num_classes());
  const double input_factor = static_cast<double>(input_scale(encoder, encoder.readout));
  Rows support(labelled.num_rows());
  std::iota(support.begin(), support.end(), 0);
  LinearClassifier classifier{std::vector<float>(F * labelled.num_classes()),
                              std::vector<float>(labelled.num_classes()), labelled.class_names};
  const ProbeWeights logistic =
      standard_logistic_weights(labelled.rows, static_cast<int>(U), labelled.labels, Y, support);
  add_weights(logistic, choice.factor * choice.logistic().weight * choice.logistic_factor,
              1 / input_factor, U, 0, classifier);
  for (std::size_t t = 1; t < choice.trials.size(); ++t) {
    const ReadoutTrial& trial = choice.trials[t];
    if (trial.weight == 0) continue;
    const ProbeWeights ridge = probe_weights(features_of(encoder, trial.readout, labelled),
                                             num_features(encoder, trial.readout), labelled.labels,
                                             Y, support, trial.lambda);
    const bool with_input = trial.readout.with_input;
    add_weights(ridge, choice.factor * trial.weight * trial.factor,
                static_cast<double>(input_scale(encoder, trial.readout)) / input_factor,
                with_input ? U : 0, with_input ? 0 : U, classifier);
  }
  encoder.classifier = std::move(classifier);
  return encoder;
}

std::string few_label_table(const FewLabelChoice& choice, std::span<const Encoder> encoders) {
  std::string text =
      "classifier            variant  penalty  share  accuracy    gain  +-stderr  weight\n";
  for (std::size_t t = 0; t < choice.trials.size(); ++t) {
    const ReadoutTrial& trial = choice.trials[t];
    const bool of_inputs = trial.readout.layer == Readout::kNone;
    text += fmt::format("{:<20}  {:<7}  {:>7}  {:5.3f}  {:8.4f}  {:6.3f}  {:8.3f}  {:6.3f}\n",
                        t == 0 ? "logistic regression" : "+ " + describe(trial.readout),
                        of_inputs ? "-" : encoders[trial.encoder].record.variant,
                        t == 0 ? "-" : fmt::format("{:.0e}", trial.lambda), trial.share,
                        trial.accuracy, trial.gain, trial.gain_error, trial.weight);
  }
  text += fmt::format("{:<44}  {:8.4f}  {:6.3f}  {:8.3f}\n", "blend by the weights",
                      choice.blend.accuracy, choice.blend.gain, choice.blend.gain_error);
  return text;
}

}  // namespace metaplastic
