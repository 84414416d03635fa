// Meta-validation: the rule on held-out tasks, the same ones each time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "meta/meta_config.h"
#include "meta/trajectory.h"
#include "tasks/task.h"

namespace metaplastic {

// To the rule that a run started from, task by task: what tasks differ in cancels.
struct PairedDifference {
  double accuracy = 0, standard_error = 0;
  std::map<std::string, double> by_family;
};

struct ValidationResult {
  double accuracy = 0;         // mean over tasks and probes after config.inner_steps
  double standard_error = 0;   // over tasks
  double random_accuracy = 0;  // of the same base models before the first inner step
  double meta_loss = 0;
  std::map<std::string, double> by_family;  // accuracy
  std::vector<double> accuracies;           // of each task, in their order
  std::optional<PairedDifference> paired;   // validation.paired
};

// What the rule did on one held-out task.
struct TaskScore {
  std::string family;
  double accuracy = 0, random_accuracy = 0, meta_loss = 0;
};

// Buffers of one thread.
struct ValidationWorkspace {
  Tape<float> tape;
  TaskData data;
};

// theta [P] on held-out task `index`, whose classes meta-training never sees. A function of its
// arguments alone.
TaskScore score_task(const MetaConfig& config, const TaskDistribution& tasks, std::uint64_t seed,
                     const std::vector<float>& theta, int index, ValidationWorkspace& workspace);
// On all held-out tasks of the config, on so many threads; they do not change the result. Where
// scores is given, it gets those of the tasks. Throws Stopped after the tasks in hand where a
// signal asked for the end.
ValidationResult validate_theta(const MetaConfig& config, const TaskDistribution& tasks,
                                std::uint64_t seed, const std::vector<float>& theta,
                                int num_threads, std::vector<TaskScore>* scores = nullptr);
// The config with this rule, applied on held-out tasks as its file says: its own step size, batch,
// number of steps and averaging.
MetaConfig as_applied(MetaConfig config, const Rule& rule);
// Of all tasks, in their order.
ValidationResult summarize(const std::vector<TaskScore>& scores);
// start: accuracies of the start rule on the same tasks.
PairedDifference paired_difference(const std::vector<TaskScore>& scores,
                                   const std::vector<double>& start);

}  // namespace metaplastic
