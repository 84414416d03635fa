// Data that an experiment makes for itself, in files beside its results.
#pragma once

#include <string>
#include <vector>

#include "experiments/workbench.h"

namespace metaplastic {

// Descriptions of the Debian packages of this machine (package_texts.h), with a note.
ChosenData package_data(const ExperimentOptions& options, std::vector<std::string>& notes);
// Two half circles that reach into each other, 1,000 points, as scikit-learn's make_moons draws
// them.
ChosenData moons_data(const ExperimentOptions& options);

}  // namespace metaplastic
