// The linear probe of evaluate: ridge regression on one-hot targets, closed form.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace metaplastic {

// Decades from 1e-6 to 1e2, the same for every method.
const std::vector<double>& lambda_grid();

// Labelled draws and the rows that they are judged on, as rows of one feature matrix.
struct ProbeDraw {
  std::span<const std::int64_t> support;  // [n]
  std::span<const std::int64_t> query;    // [m]
};

// Accuracy on the query of a probe fitted on the support, one per lambda.
//
// Features are centred by the support's mean (the bias is not penalised) and divided by one number,
// the root mean square length of the centred support rows, so that a lambda means the same whatever
// a method's scale and width. The smaller of the two normal systems, n x n or F x F, is solved in
// double by Cholesky. features [M,F], labels [M] in 0..num_classes-1.
// Cost: min(n,F)^3/3 per lambda + 2 m F Y per lambda. Ties go to the lower class.
std::vector<double> probe_accuracies(std::span<const float> features, int num_features,
                                     std::span<const int> labels, int num_classes,
                                     const ProbeDraw& draw, std::span<const double> lambdas);

// The same probe with one lambda: the predicted class of every query row, [m].
std::vector<int> probe_predictions(std::span<const float> features, int num_features,
                                   std::span<const int> labels, int num_classes,
                                   const ProbeDraw& draw, double lambda);

// The same probe's scores [m, lambdas, Y]: ridge predictions of the one-hot targets, which sum
// to 1.
std::vector<float> probe_scores(std::span<const float> features, int num_features,
                                std::span<const int> labels, int num_classes, const ProbeDraw& draw,
                                std::span<const double> lambdas);

// The probe itself: scores are features W + b.
struct ProbeWeights {
  std::vector<float> W;  // [F,Y]
  std::vector<float> b;  // [Y]
};
ProbeWeights probe_weights(std::span<const float> features, int num_features,
                           std::span<const int> labels, int num_classes,
                           std::span<const std::int64_t> support, double lambda);

}  // namespace metaplastic
