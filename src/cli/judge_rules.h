// metaplastic train --judge: rule files on the held-out tasks of a config, each applied as its file
// says, and compared with the first task by task.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "meta/meta_config.h"

namespace metaplastic {

// Prints a table. scores_path: where not empty, a JSON line for each rule and task is appended:
// {"rule", "task", "family", "accuracy", "random_accuracy", "meta_loss"}.
void judge_rules(const MetaConfig& config, std::uint64_t seed, int num_threads,
                 const std::vector<std::string>& rules, const std::string& scores_path);

}  // namespace metaplastic
