#include "bench/data_paths.h"

#include <algorithm>
#include <stdexcept>

#include "base/clock.h"
#include "base/stopped.h"
#include "bench/measure.h"
#include "tasks/task.h"

namespace metaplastic {
namespace {

constexpr int kBatch = 64;
constexpr int kBatchesPerTask = 4;
constexpr float kLargestColumn = 1e4;  // in deviations: heavy tails, nothing unbounded

struct DataPath {
  std::string name;
  TaskDistribution tasks;
  std::vector<double> task_seconds, batch_seconds;
};

// The families of these names, all images augmented or none.
TaskConfig path_config(const std::vector<std::string>& families, bool augmented) {
  TaskConfig config;
  std::ranges::fill(config.weights, 0.0f);
  for (const std::string& family : families) config.weight(family) = 1;
  config.augment.augmented_share = augmented ? 1.0f : 0.0f;
  return config;
}

void time_task(DataPath& path, std::uint64_t index, TaskBatch& batch) {
  Stopwatch watch;
  const Task task = path.tasks.make_task(1, index, Split::kTrain);
  path.task_seconds.push_back(watch.seconds());
  for (std::uint32_t k = 0; k < kBatchesPerTask; ++k) {
    watch.restart();
    task.draw_batch(Purpose::kInnerBatch, k, kBatch, batch);
    path.batch_seconds.push_back(watch.seconds());
    // Columns of tables are standardised; pixels and shares of words lie in [0,1]. The negation
    // also finds what is not a number.
    const float least = path.name == "tables" ? -kLargestColumn : 0;
    const float most = path.name == "tables" ? kLargestColumn : 1;
    if (std::ranges::any_of(batch.x, [=](float v) { return !(v >= least && v <= most); })) {
      throw std::runtime_error(path.name + ": a number of a batch is out of range");
    }
  }
}

}  // namespace

std::vector<DataPathRate> time_data_paths(int num_tasks, const std::function<bool()>& should_stop) {
  std::vector<DataPath> paths;
  paths.push_back({"glyphs", TaskDistribution(path_config({"glyphs"}, false)), {}, {}});
  paths.push_back({"fields", TaskDistribution(path_config({"fields"}, false)), {}, {}});
  paths.push_back({"dressed", TaskDistribution(path_config({"dressed"}, false)), {}, {}});
  paths.push_back({"augmented", TaskDistribution(path_config({"glyphs", "fields"}, true)), {}, {}});
  paths.push_back({"tables", TaskDistribution(path_config({"tables"}, false)), {}, {}});
  paths.push_back({"words", TaskDistribution(path_config({"words"}, false)), {}, {}});
  TaskBatch batch;
  for (int t = 0; t < num_tasks; ++t) {
    for (DataPath& path : paths) {
      if (should_stop && should_stop()) throw Stopped{};
      time_task(path, static_cast<std::uint64_t>(t), batch);
    }
  }
  std::vector<DataPathRate> rates;
  for (const DataPath& path : paths) {
    rates.push_back(
        {path.name, kBatch / median(path.batch_seconds), 1e3 * median(path.task_seconds)});
  }
  return rates;
}

}  // namespace metaplastic
