// Candidates whose features have the inputs beside them: the same for every method.
#pragma once

#include <optional>
#include <vector>

#include "eval/method.h"

namespace metaplastic {

// with_input: nothing offers each candidate without and then with the inputs; true only with them.
// Inputs themselves, and candidates that classify, stay as they are. The scale (readout.h) is that
// of training rows.
std::vector<FeatureCandidate> offer_inputs(std::vector<FeatureCandidate> candidates,
                                           const RowSource& training_rows,
                                           std::optional<bool> with_input);

}  // namespace metaplastic
