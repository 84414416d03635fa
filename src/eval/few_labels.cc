#include "eval/few_labels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "objective/linear_probe.h"

namespace metaplastic {
namespace {

// Stream of Purpose::kEvaluation, beside those of draws.cc and of the experiments.
constexpr std::uint64_t kFoldStream = std::uint64_t{10} << 32;
// A score counts as probability where it is certain; the scale of the softmax is sought in octaves.
constexpr int kTemperatureOctaves = 8;

using Rows = std::vector<std::int64_t>;

std::vector<Rows> rows_by_class(const LabelledRows& labelled) {
  std::vector<Rows> classes(labelled.class_names.size());
  for (std::size_t n = 0; n < labelled.labels.size(); ++n) {
    classes[static_cast<std::size_t>(labelled.labels[n])].push_back(static_cast<std::int64_t>(n));
  }
  return classes;
}

// Fold of each row that takes part, by repeat; -1: does not take part.
struct Folds {
  int num_folds = 0;
  std::vector<std::vector<int>> of_row;  // [repeats][n]
  Rows rows;                             // that take part, ascending
};

// Classes keep their shares, under the cap as well, and in every fold.
Folds make_folds(const LabelledRows& labelled, const FewLabelOptions& options) {
  std::vector<Rows> classes = rows_by_class(labelled);
  check_labelled(labelled);
  const auto n = static_cast<std::int64_t>(labelled.labels.size());
  Folds folds;
  for (std::size_t y = 0; y < classes.size(); ++y) {
    Random random(options.seed, Purpose::kEvaluation, kFoldStream + y);
    random.shuffle(std::span<std::int64_t>(classes[y]));
    const std::int64_t share = std::ssize(classes[y]) * std::min(n, options.max_rows) / n;
    classes[y].resize(static_cast<std::size_t>(std::max<std::int64_t>(1, share)));
    folds.rows.insert(folds.rows.end(), classes[y].begin(), classes[y].end());
  }
  std::ranges::sort(folds.rows);
  folds.num_folds = std::min(static_cast<int>(folds.rows.size()), options.folds);
  for (int r = 0; r < options.repeats; ++r) {
    Random random(options.seed, Purpose::kEvaluation, kFoldStream - 1,
                  static_cast<std::uint32_t>(r));
    std::vector<int> of_row(labelled.labels.size(), -1);
    std::size_t dealt = 0;  // goes on from class to class, so that folds are equally large
    for (Rows& rows : classes) {
      random.shuffle(std::span<std::int64_t>(rows));
      for (const std::int64_t row : rows) {
        of_row[static_cast<std::size_t>(row)] = static_cast<int>(dealt++) % folds.num_folds;
      }
    }
    folds.of_row.push_back(std::move(of_row));
  }
  return folds;
}

// Out-of-fold results of one read-out, over all penalties; means over the repeats.
struct OutOfFold {
  std::vector<double> loss, right;  // [lambda, n]
  std::vector<float> scores;        // [repeat, n, lambda, Y]
};

std::vector<float> features_of(const Encoder& encoder, const Readout& readout,
                               const LabelledRows& labelled) {
  const auto n = static_cast<std::int64_t>(labelled.labels.size());
  std::vector<float> features(static_cast<std::size_t>(n * num_features(encoder, readout)));
  encode(encoder, labelled.rows, n, readout, features);
  return features;
}

void score_fold(const std::vector<float>& features, const LabelledRows& labelled,
                const std::vector<int>& of_row, int fold, std::span<float> scores) {
  const std::size_t n = labelled.labels.size(), Y = labelled.class_names.size();
  Rows support, query;
  for (std::size_t row = 0; row < n; ++row) {
    if (of_row[row] >= 0) (of_row[row] == fold ? query : support).push_back(std::int64_t(row));
  }
  const auto found = probe_scores(features, static_cast<int>(features.size() / n), labelled.labels,
                                  static_cast<int>(Y), {support, query}, lambda_grid());
  const std::size_t width = lambda_grid().size() * Y;
  for (std::size_t i = 0; i < query.size(); ++i) {
    std::copy_n(found.data() + i * width, width,
                scores.data() + static_cast<std::size_t>(query[i]) * width);
  }
}

OutOfFold judge(const std::vector<float>& features, const LabelledRows& labelled,
                const Folds& folds) {
  const std::size_t n = labelled.labels.size(), Y = labelled.class_names.size();
  const std::size_t K = lambda_grid().size(), R = folds.of_row.size();
  OutOfFold result;
  result.scores.resize(R * n * K * Y);
  result.loss.assign(K * n, 0);
  result.right.assign(K * n, 0);
  for (std::size_t r = 0; r < R; ++r) {
    const std::span<float> scores(result.scores.data() + r * n * K * Y, n * K * Y);
    for (int fold = 0; fold < folds.num_folds; ++fold) {
      score_fold(features, labelled, folds.of_row[r], fold, scores);
    }
    for (const std::int64_t row : folds.rows) {
      const auto i = static_cast<std::size_t>(row);
      for (std::size_t k = 0; k < K; ++k) {
        const float* score = scores.data() + (i * K + k) * Y;
        const auto label = static_cast<std::size_t>(labelled.labels[i]);
        double loss = 0;
        for (std::size_t y = 0; y < Y; ++y) {
          loss += std::pow(static_cast<double>(score[y]) - (y == label ? 1 : 0), 2);
        }
        const bool right =
            static_cast<std::size_t>(std::max_element(score, score + Y) - score) == label;
        result.loss[k * n + i] += loss / static_cast<double>(R);
        result.right[k * n + i] += (right ? 1.0 : 0.0) / static_cast<double>(R);
      }
    }
  }
  return result;
}

double mean_at(const std::vector<double>& values, std::size_t k, const Rows& rows) {
  const std::size_t n = values.size() / lambda_grid().size();
  double sum = 0;
  for (const std::int64_t row : rows) sum += values[k * n + static_cast<std::size_t>(row)];
  return sum / static_cast<double>(rows.size());
}

std::size_t best_penalty(const OutOfFold& result, const Rows& rows) {
  std::size_t best = 0;
  for (std::size_t k = 1; k < lambda_grid().size(); ++k) {
    if (mean_at(result.loss, k, rows) < mean_at(result.loss, best, rows)) best = k;
  }
  return best;
}

// What read-outs are compared by, [n]: squared error and, since that says little about which class
// is the largest, half a point for each wrong row.
std::vector<double> losses(const OutOfFold& result, std::size_t k, std::size_t n) {
  std::vector<double> loss(n);
  for (std::size_t i = 0; i < n; ++i) {
    loss[i] = result.loss[k * n + i] + (1 - result.right[k * n + i]) / 2;
  }
  return loss;
}

// Mean of the paired differences a - b and its standard error.
void compare(std::span<const double> a, std::span<const double> b, const Rows& rows,
             ReadoutTrial& trial) {
  const auto count = static_cast<double>(rows.size());
  for (const std::int64_t row : rows) {
    const auto i = static_cast<std::size_t>(row);
    trial.gain += (a[i] - b[i]) / count;
  }
  double square = 0;
  for (const std::int64_t row : rows) {
    const auto i = static_cast<std::size_t>(row);
    square += std::pow(a[i] - b[i] - trial.gain, 2);
  }
  trial.gain_error = std::sqrt(square / (count - 1) / count);
}

// The inputs, then of each encoder what is worth a trial.
std::vector<ReadoutTrial> trials_of(std::span<const Encoder> encoders) {
  std::vector<ReadoutTrial> trials(1);
  trials[0].readout = {.layer = Readout::kNone, .with_input = true};
  for (std::size_t e = 0; e < encoders.size(); ++e) {
    const bool one_layer = encoders[e].num_layers() == 1;
    for (const int layer : {Readout::kAll, 1}) {
      if (one_layer && layer == Readout::kAll) continue;
      for (const bool with_input : {false, true}) {
        if (!one_layer && layer == 1 && !with_input) continue;
        trials.push_back({.encoder = e, .readout = {.layer = layer, .with_input = with_input}});
      }
    }
  }
  return trials;
}

// Log loss of softmax(factor * scores), mean over rows and repeats.
double log_loss(const OutOfFold& result, std::size_t k, double factor, const LabelledRows& labelled,
                const Folds& folds) {
  const std::size_t n = labelled.labels.size(), Y = labelled.class_names.size();
  const std::size_t K = lambda_grid().size();
  double sum = 0;
  for (std::size_t r = 0; r < folds.of_row.size(); ++r) {
    for (const std::int64_t row : folds.rows) {
      const auto i = static_cast<std::size_t>(row);
      const float* score = result.scores.data() + ((r * n + i) * K + k) * Y;
      const double largest = *std::max_element(score, score + Y);
      double total = 0;
      for (std::size_t y = 0; y < Y; ++y) total += std::exp(factor * (score[y] - largest));
      sum += std::log(total) -
             factor * (score[static_cast<std::size_t>(labelled.labels[i])] - largest);
    }
  }
  return sum / static_cast<double>(folds.of_row.size() * folds.rows.size());
}

// The loss is convex in the logarithm's neighbourhood of its least value; a grid of quarter octaves
// is as fine as few rows can tell.
double best_temperature(const OutOfFold& result, std::size_t k, const LabelledRows& labelled,
                        const Folds& folds) {
  double best = 1, least = log_loss(result, k, 1, labelled, folds);
  for (int quarter = 1; quarter <= 4 * kTemperatureOctaves; ++quarter) {
    const double factor = std::exp2(quarter / 4.0);
    const double loss = log_loss(result, k, factor, labelled, folds);
    if (loss < least) {
      best = factor;
      least = loss;
    }
  }
  return best;
}

}  // namespace

void check_labelled(const LabelledRows& labelled) {
  const std::vector<Rows> classes = rows_by_class(labelled);
  if (classes.size() < 2) {
    fail("labels: expected rows of at least 2 classes, found {}; label rows of another class",
         classes.size());
  }
}

FewLabelChoice choose_readout(std::span<const Encoder> encoders, const LabelledRows& labelled,
                              const FewLabelOptions& options, ThreadPool& pool) {
  METAPLASTIC_CHECK(!encoders.empty());
  const Folds folds = make_folds(labelled, options);
  FewLabelChoice choice;
  choice.trials = trials_of(encoders);
  std::vector<OutOfFold> results(choice.trials.size());
  pool.parallel_for(static_cast<int>(results.size()), [&](int, int index) {
    const ReadoutTrial& trial = choice.trials[static_cast<std::size_t>(index)];
    results[static_cast<std::size_t>(index)] =
        judge(features_of(encoders[trial.encoder], trial.readout, labelled), labelled, folds);
  });
  const std::size_t n = labelled.labels.size();
  std::vector<std::size_t> penalty;
  std::vector<double> of_inputs;
  for (std::size_t t = 0; t < results.size(); ++t) {
    ReadoutTrial& trial = choice.trials[t];
    penalty.push_back(best_penalty(results[t], folds.rows));
    trial.lambda = lambda_grid()[penalty[t]];
    trial.accuracy = mean_at(results[t].right, penalty[t], folds.rows);
    const std::vector<double> loss = losses(results[t], penalty[t], n);
    if (t == 0) of_inputs = loss;
    compare(of_inputs, loss, folds.rows, trial);
    for (const std::int64_t row : folds.rows) {
      trial.loss += loss[static_cast<std::size_t>(row)] / static_cast<double>(folds.rows.size());
    }
    if (trial.loss < choice.best().loss) choice.chosen = t;
  }
  if (choice.best().gain <= kWantedErrors * choice.best().gain_error) choice.chosen = 0;
  choice.temperature =
      best_temperature(results[choice.chosen], penalty[choice.chosen], labelled, folds);
  return choice;
}

Encoder with_classifier(std::span<const Encoder> encoders, const LabelledRows& labelled,
                        const FewLabelChoice& choice) {
  const ReadoutTrial& best = choice.best();
  Encoder encoder = encoders[best.encoder];
  encoder.readout = best.readout;
  const std::vector<float> features = features_of(encoder, best.readout, labelled);
  Rows support(labelled.labels.size());
  std::iota(support.begin(), support.end(), 0);
  const ProbeWeights weights =
      probe_weights(features, num_features(encoder, best.readout), labelled.labels,
                    static_cast<int>(labelled.class_names.size()), support, best.lambda);
  LinearClassifier classifier{weights.W, weights.b, labelled.class_names};
  const auto factor = static_cast<float>(choice.temperature);
  for (float& value : classifier.W) value *= factor;
  for (float& value : classifier.b) value *= factor;
  encoder.classifier = std::move(classifier);
  return encoder;
}

std::string few_label_table(const FewLabelChoice& choice, std::span<const Encoder> encoders) {
  std::string text = "read-out              variant  penalty  accuracy    gain  +-stderr\n";
  for (std::size_t t = 0; t < choice.trials.size(); ++t) {
    const ReadoutTrial& trial = choice.trials[t];
    text += fmt::format(
        "{:<20}  {:<7}  {:7.0e}  {:8.4f}  {:6.3f}  {:8.3f}{}\n", describe(trial.readout),
        t == 0 ? "-" : encoders[trial.encoder].record.variant, trial.lambda, trial.accuracy,
        trial.gain, trial.gain_error, t == choice.chosen ? "  <- chosen" : "");
  }
  return text;
}

}  // namespace metaplastic
