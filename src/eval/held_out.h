// Probabilities of labelled rows by classifiers that did not see them: each fold is predicted by a
// classifier of the other folds.
#pragma once

#include <span>
#include <vector>

#include "eval/few_label_folds.h"

namespace metaplastic {

// Logits [repeats, n, Y] of the rows that take part; their softmax are the probabilities.
struct HeldOut {
  std::vector<double> logits;
  double factor = 1;  // of the classifier's scores: the one with the smallest log loss
  double lambda = 0;  // ridge: the penalty with the smallest squared distance to the one-hot label
};

// Ridge regression (linear_probe.h) of features [n,F].
HeldOut hold_out_ridge(std::span<const float> features, const LabelledRows& labelled,
                       const Folds& folds);
// standard_logistic_weights of the prepared inputs.
HeldOut hold_out_logistic(const LabelledRows& labelled, const Folds& folds);

// share * a + (1 - share) * b: the product of two classifiers' probabilities to these powers.
std::vector<double> blend(std::span<const double> a, std::span<const double> b, double share);
// The factor from 1/8 to `most` of the logits whose softmax has the smallest log loss, on a grid of
// quarter octaves.
double best_factor(std::span<const double> logits, const LabelledRows& labelled, const Folds& folds,
                   double most);
// Of logits of a classifier that maximises the likelihood: few rows cannot tell more.
inline constexpr double kLargestFactor = 2;

// Of every row, means over the repeats, [n]; 0 for rows that do not take part.
struct RowLosses {
  std::vector<double> loss;  // log loss, plus half a point where the largest logit is another class
  std::vector<double> right;  // share of the repeats that predict the class
};
RowLosses row_losses(std::span<const double> logits, const LabelledRows& labelled,
                     const Folds& folds);

}  // namespace metaplastic
