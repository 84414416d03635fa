// What `--rule` may name: a file, a classical rule, or a rule that ships with the program.
#pragma once

#include <string>
#include <vector>

#include "rule/rule_file.h"

namespace metaplastic {

// The shipped rule that is used where none is named.
inline constexpr const char* kDefaultRule = "compact-v1";

struct FoundRule {
  Rule rule;
  std::string name;    // as the user gave it
  std::string path;    // "" for a classical rule
  std::string sha256;  // digest of the file; "" for a classical rule
};

// Names of the classical and of the shipped rules.
std::vector<std::string> rule_names();
// A path that exists comes first, then the names. Throws Error with the nearest name.
FoundRule find_rule(const std::string& name_or_path);

}  // namespace metaplastic
