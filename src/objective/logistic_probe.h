// A second probe for evaluate: logistic regression with a quadratic penalty, as the released code
// measures features by.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "objective/linear_probe.h"

namespace metaplastic {

enum class ProbeKind { kRidge, kLogistic };
// Names that a user may write: ridge, logistic. The other way round: Error for an unknown name.
const std::vector<std::string>& probe_names();
ProbeKind probe_from_name(std::string_view name);
// The penalties to choose from, the same for every method: lambda_grid(), or decades from 1e-4 to
// 10, since a logistic fit takes a hundred times as long.
const std::vector<double>& probe_lambdas(ProbeKind kind);

// As probe_accuracies and probe_predictions (linear_probe.h), which see for the arguments and for
// how features are centred and scaled.
//
// Minimises sum_i -log softmax(x_i W + b)[y_i] + lambda/2 |W|^2 over the support, in double; the
// bias is not penalised. lambda is 1/C of scikit-learn's LogisticRegression. logistic_solver.h
std::vector<double> logistic_accuracies(std::span<const float> features, int num_features,
                                        std::span<const int> labels, int num_classes,
                                        const ProbeDraw& draw, std::span<const double> lambdas);
std::vector<int> logistic_predictions(std::span<const float> features, int num_features,
                                      std::span<const int> labels, int num_classes,
                                      const ProbeDraw& draw, double lambda);

}  // namespace metaplastic
