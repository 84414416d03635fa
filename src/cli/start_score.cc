#include "cli/start_score.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "meta/run_folder.h"
#include "meta/task_traits.h"

namespace metaplastic {

ValidationResult score_start(const MetaConfig& config, std::uint64_t seed, int num_threads) {
  const TaskDistribution tasks(config.tasks);
  const std::vector<float> theta =
      with_measured_traits(config, tasks, seed, initial_theta(config, seed));
  const int num_tasks = config.validation.num_tasks;
  ThreadPool pool(std::min(num_threads, num_tasks));
  std::vector<std::unique_ptr<ValidationWorkspace>> workspaces(
      static_cast<std::size_t>(pool.num_threads()));
  for (auto& workspace : workspaces) workspace = std::make_unique<ValidationWorkspace>();
  std::vector<TaskScore> scores(static_cast<std::size_t>(num_tasks));
  pool.parallel_for(num_tasks, [&](int worker, int index) {
    scores[static_cast<std::size_t>(index)] = score_task(
        config, tasks, seed, theta, index, *workspaces[static_cast<std::size_t>(worker)]);
  });
  return summarize(scores);
}

}  // namespace metaplastic
