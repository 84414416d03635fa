// The layout of the theta in a file, for rules and checkpoints: its terms by name. A program with
// other terms reads the file all the same: a term that the file does not name has weight 0.
#pragma once

#include <string>
#include <vector>

#include "io/safetensors.h"
#include "rule/theta.h"

namespace metaplastic {

// Metadata: a JSON list of the terms in the order of the mix, each {"name", "up", "lo"} with the
// number of its readouts. Files of the first version have none.
inline constexpr const char* kTermsKey = "terms";
std::string terms_metadata(const ThetaLayout& layout);

// Metadata of theta with settings or traits: their names, {"settings": [..], "traits": [..],
// "kinds": [..]}; without kinds in files of rule version 3.
inline constexpr const char* kConditionsKey = "conditions";
std::string conditions_metadata(const ThetaLayout& layout);

// The layout that the file's theta is in. Throws Error for damaged metadata.
ThetaLayout layout_in_file(const TensorFile& file, const RuleSizes& sizes);
// The layout of files without the metadata: the fourteen terms of the first version.
ThetaLayout first_version_layout(const RuleSizes& sizes);

// Throws Error when theta gives a weight to a term that `to` does not have; `source` names the
// file. A term without a weight does nothing.
void check_terms(const ThetaLayout& from, const std::vector<float>& theta, const ThetaLayout& to,
                 const std::string& source);

}  // namespace metaplastic
