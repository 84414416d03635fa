// Logistic regression on standardised inputs, as scikit-learn's users write it first:
// make_pipeline(StandardScaler(), LogisticRegression()). What few_labels.h measures against.
#pragma once

#include "objective/linear_probe.h"

namespace metaplastic {

// Columns are standardised by the support's mean and deviation; those that do not vary get weight
// 0. The penalty is scikit-learn's with C = 1, which for two classes is twice that of the softmax.
// Logits are features W + b. A class without a row in the support gets the probability 0, nearly.
ProbeWeights standard_logistic_weights(std::span<const float> features, int num_features,
                                       std::span<const int> labels, int num_classes,
                                       std::span<const std::int64_t> support);

}  // namespace metaplastic
