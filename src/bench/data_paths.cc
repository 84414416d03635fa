#include "bench/data_paths.h"

#include <algorithm>
#include <stdexcept>

#include "base/clock.h"
#include "bench/measure.h"
#include "data/task.h"

namespace metaplastic {
namespace {

constexpr int kBatch = 64;
constexpr int kBatchesPerTask = 4;

struct DataPath {
  std::string name;
  TaskDistribution tasks;
  std::vector<double> task_seconds, batch_seconds;
};

TaskConfig path_config(bool glyphs, bool fields, bool augmented) {
  TaskConfig config;
  config.glyph_weight = glyphs ? 1.0f : 0.0f;
  config.field_weight = fields ? 1.0f : 0.0f;
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
    // The negation also finds what is not a number.
    if (std::ranges::any_of(batch.x, [](float v) { return !(v >= 0 && v <= 1); })) {
      throw std::runtime_error(path.name + ": a pixel of a batch is not within [0,1]");
    }
  }
}

}  // namespace

std::vector<DataPathRate> time_data_paths(int num_tasks) {
  std::vector<DataPath> paths;
  paths.push_back({"glyphs", TaskDistribution(path_config(true, false, false)), {}, {}});
  paths.push_back({"fields", TaskDistribution(path_config(false, true, false)), {}, {}});
  paths.push_back({"augmented", TaskDistribution(path_config(true, true, true)), {}, {}});
  TaskBatch batch;
  for (int t = 0; t < num_tasks; ++t) {
    for (DataPath& path : paths) time_task(path, static_cast<std::uint64_t>(t), batch);
  }
  std::vector<DataPathRate> rates;
  for (const DataPath& path : paths) {
    rates.push_back(
        {path.name, kBatch / median(path.batch_seconds), 1e3 * median(path.task_seconds)});
  }
  return rates;
}

}  // namespace metaplastic
