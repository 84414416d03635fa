#include "eval/held_out.h"

#include <algorithm>
#include <cmath>

#include "objective/linear_probe.h"
#include "objective/standard_logistic.h"

namespace metaplastic {
namespace {

// Scores of ridge regression differ by about 1, where logits differ by more.
constexpr double kLargestRidgeFactor = 256;
constexpr int kFirstQuarterOctave = -12;

// Which class is largest says little in the log loss, and is what counts.
constexpr double kLossOfAnError = 0.5;

using Rows = std::vector<std::int64_t>;

struct Split {
  Rows support, query;
};

Split split_of(const std::vector<int>& of_row, int fold) {
  Split split;
  for (std::size_t row = 0; row < of_row.size(); ++row) {
    if (of_row[row] < 0) continue;
    (of_row[row] == fold ? split.query : split.support).push_back(static_cast<std::int64_t>(row));
  }
  return split;
}

// log of the sum of the exponentials.
double log_total(std::span<const double> logits, double factor) {
  const double largest = *std::ranges::max_element(logits);
  double total = 0;
  for (const double logit : logits) total += std::exp(factor * (logit - largest));
  return std::log(total) + factor * largest;
}

// Calls use(position of the row's Y logits, row) for all rows that take part, in all repeats.
template <class Use>
void for_rows(const LabelledRows& labelled, const Folds& folds, const Use& use) {
  for (std::size_t r = 0; r < folds.of_row.size(); ++r) {
    for (const std::int64_t row : folds.rows) {
      const auto i = static_cast<std::size_t>(row);
      use((r * labelled.num_rows() + i) * labelled.num_classes(), i);
    }
  }
}

// Classes without a row in the support get the smallest logit of a class that has one.
void lower_absent(const LabelledRows& labelled, const Rows& support, std::span<double> logits) {
  std::vector<bool> present(labelled.num_classes(), false);
  for (const std::int64_t row : support) {
    present[static_cast<std::size_t>(labelled.labels[static_cast<std::size_t>(row)])] = true;
  }
  double least = 0;
  bool any = false;
  for (std::size_t y = 0; y < logits.size(); ++y) {
    if (!present[y]) continue;
    least = any ? std::min(least, logits[y]) : logits[y];
    any = true;
  }
  for (std::size_t y = 0; y < logits.size(); ++y) {
    if (!present[y]) logits[y] = least;
  }
}

HeldOut calibrated(HeldOut held, const LabelledRows& labelled, const Folds& folds, double most) {
  held.factor = best_factor(held.logits, labelled, folds, most);
  for (double& logit : held.logits) logit *= held.factor;
  return held;
}

}  // namespace

HeldOut hold_out_ridge(std::span<const float> features, const LabelledRows& labelled,
                       const Folds& folds) {
  const std::size_t n = labelled.num_rows(), Y = labelled.num_classes();
  const std::size_t K = lambda_grid().size(), R = folds.of_row.size();
  const auto F = static_cast<int>(features.size() / n);
  std::vector<float> scores(R * n * K * Y);
  for (std::size_t r = 0; r < R; ++r) {
    for (int fold = 0; fold < folds.num_folds; ++fold) {
      const Split split = split_of(folds.of_row[r], fold);
      const auto found = probe_scores(features, F, labelled.labels, static_cast<int>(Y),
                                      {split.support, split.query}, lambda_grid());
      for (std::size_t i = 0; i < split.query.size(); ++i) {
        const auto row = static_cast<std::size_t>(split.query[i]);
        std::copy_n(found.data() + i * K * Y, K * Y, scores.data() + (r * n + row) * K * Y);
      }
    }
  }
  std::vector<double> distance(K, 0);
  for_rows(labelled, folds, [&](std::size_t at, std::size_t i) {
    for (std::size_t k = 0; k < K; ++k) {
      for (std::size_t y = 0; y < Y; ++y) {
        const double target = static_cast<int>(y) == labelled.labels[i] ? 1 : 0;
        distance[k] += std::pow(static_cast<double>(scores[at * K + k * Y + y]) - target, 2);
      }
    }
  });
  const auto best = static_cast<std::size_t>(std::ranges::min_element(distance) - distance.begin());
  HeldOut held;
  held.lambda = lambda_grid()[best];
  held.logits.assign(R * n * Y, 0);
  for_rows(labelled, folds, [&](std::size_t at, std::size_t) {
    std::copy_n(scores.data() + at * K + best * Y, Y, held.logits.data() + at);
  });
  return calibrated(std::move(held), labelled, folds, kLargestRidgeFactor);
}

HeldOut hold_out_logistic(const LabelledRows& labelled, const Folds& folds) {
  const std::size_t n = labelled.num_rows(), Y = labelled.num_classes();
  const std::size_t U = labelled.rows.size() / n;
  HeldOut held;
  held.logits.assign(folds.of_row.size() * n * Y, 0);
  for (std::size_t r = 0; r < folds.of_row.size(); ++r) {
    for (int fold = 0; fold < folds.num_folds; ++fold) {
      const Split split = split_of(folds.of_row[r], fold);
      const ProbeWeights weights = standard_logistic_weights(
          labelled.rows, static_cast<int>(U), labelled.labels, static_cast<int>(Y), split.support);
      for (const std::int64_t row : split.query) {
        const auto i = static_cast<std::size_t>(row);
        const std::span<double> logits(held.logits.data() + (r * n + i) * Y, Y);
        for (std::size_t y = 0; y < Y; ++y) {
          logits[y] = static_cast<double>(weights.b[y]);
          for (std::size_t u = 0; u < U; ++u) {
            logits[y] += static_cast<double>(labelled.rows[i * U + u]) *
                         static_cast<double>(weights.W[u * Y + y]);
          }
        }
        lower_absent(labelled, split.support, logits);
      }
    }
  }
  return calibrated(std::move(held), labelled, folds, kLargestFactor);
}

std::vector<double> blend(std::span<const double> a, std::span<const double> b, double share) {
  std::vector<double> mixed(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) mixed[i] = share * a[i] + (1 - share) * b[i];
  return mixed;
}

double best_factor(std::span<const double> logits, const LabelledRows& labelled, const Folds& folds,
                   double most) {
  double best = 1, least = 0;
  for (int quarter = kFirstQuarterOctave; std::exp2(quarter / 4.0) <= most; ++quarter) {
    const double factor = std::exp2(quarter / 4.0);
    double loss = 0;
    for_rows(labelled, folds, [&](std::size_t at, std::size_t i) {
      const std::span<const double> row = logits.subspan(at, labelled.num_classes());
      loss += log_total(row, factor) - factor * row[static_cast<std::size_t>(labelled.labels[i])];
    });
    if (quarter == kFirstQuarterOctave || loss < least) {
      best = factor;
      least = loss;
    }
  }
  return best;
}

RowLosses row_losses(std::span<const double> logits, const LabelledRows& labelled,
                     const Folds& folds) {
  const auto R = static_cast<double>(folds.of_row.size());
  RowLosses losses;
  losses.loss.assign(labelled.num_rows(), 0);
  losses.right.assign(labelled.num_rows(), 0);
  for_rows(labelled, folds, [&](std::size_t at, std::size_t i) {
    const std::span<const double> row = logits.subspan(at, labelled.num_classes());
    const auto label = static_cast<std::size_t>(labelled.labels[i]);
    const auto largest = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    losses.loss[i] +=
        (log_total(row, 1) - row[label] + (largest == label ? 0 : kLossOfAnError)) / R;
    losses.right[i] += largest == label ? 1 / R : 0;
  });
  return losses;
}

}  // namespace metaplastic
