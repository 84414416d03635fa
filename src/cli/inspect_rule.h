// What inspect says of a rule: its mix and settings as they act, and where meta-training started.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "rule/rule_file.h"

namespace metaplastic {

// Nested values indented, plain ones as "name: value".
void print_json(const nlohmann::json& value, const std::string& indent, std::string& out);

// spec: of data, for which the mix and settings of a rule that follows the data are shown too; or
// "". Throws Error for data with another rule.
std::string rule_text(const Rule& rule, const std::string& spec);

}  // namespace metaplastic
