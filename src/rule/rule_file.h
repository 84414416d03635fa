// A rule as users hold it: theta, how to apply it, and how it was made. Saved as safetensors.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "rule/inner_settings.h"
#include "rule/theta.h"

namespace metaplastic {

// Steps after which evaluate reads an encoder: the last one, and early ones for small tables, where
// long trainings follow noise (docs/recipe.md).
std::set<int> stopping_points(int inner_steps);

struct Rule {
  RuleSizes sizes;
  InnerSettings inner;
  std::vector<float> theta;   // [P], ThetaLayout(sizes)
  nlohmann::json provenance;  // config, seed, program, metrics: whatever made it, as JSON
};

// Version of rule files. 2 names its terms (layout_file.h) and has the gain of the mix; 1 has
// neither, and its gain is the usual one. 3 is 2 without a network. 4 is 3 with settings or traits,
// by their names; in files of version 3 settings are factors of the usual values. All are read; a
// rule is written with the lowest version that holds it.
inline constexpr int kRuleVersion = 4;

// Atomic; throws Error when the file cannot be written.
void save_rule(const std::string& path, const Rule& rule);
// Throws Error, naming the file, for anything but a whole rule of a known format, and for a term
// with a weight that this program does not have.
Rule load_rule(const std::string& path);

// What a rule file holds, for other containers; file.source starts the lines of errors.
TensorFile rule_tensors(const Rule& rule);
Rule rule_from_tensors(const TensorFile& file);

}  // namespace metaplastic
