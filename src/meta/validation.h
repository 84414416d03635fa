// Meta-validation: the rule on held-out tasks, the same ones each time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "data/task.h"
#include "meta/meta_config.h"

namespace metaplastic {

struct ValidationResult {
  double accuracy = 0;         // mean over tasks and probes after config.inner_steps
  double standard_error = 0;   // over tasks
  double random_accuracy = 0;  // of the same base models before the first inner step
  double meta_loss = 0;
  std::map<std::string, double> by_family;  // accuracy
};

// theta [P] on the classes that meta-training never sees. A function of its arguments alone,
// whatever the number of threads.
ValidationResult validate_rule(const MetaConfig& config, const TaskDistribution& tasks,
                               std::uint64_t seed, const std::vector<float>& theta,
                               ThreadPool& pool);

}  // namespace metaplastic
