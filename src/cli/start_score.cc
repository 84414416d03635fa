#include "cli/start_score.h"

#include <vector>

#include "meta/run_folder.h"
#include "meta/task_traits.h"

namespace metaplastic {

ValidationResult score_start(const MetaConfig& config, std::uint64_t seed, int num_threads) {
  const TaskDistribution tasks(config.tasks);
  const std::vector<float> theta =
      with_measured_traits(config, tasks, seed, initial_theta(config, seed));
  return validate_theta(config, tasks, seed, theta, num_threads);
}

}  // namespace metaplastic
