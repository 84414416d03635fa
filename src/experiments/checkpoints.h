// The rules that a meta-training run wrote on its way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rule/rule_file.h"

namespace metaplastic {

struct RuleCheckpoint {
  std::int64_t outer_step = 0;
  Rule rule;
};

// RUN/rules/step-*.safetensors by outer step: all, or `max_count` of them evenly spread with the
// first and the last. Throws Error when the run has none, or a file is damaged.
std::vector<RuleCheckpoint> load_checkpoint_rules(const std::string& run, std::size_t max_count);

}  // namespace metaplastic
