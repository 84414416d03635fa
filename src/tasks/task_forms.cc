#include "tasks/task_forms.h"

#include <algorithm>

#include "base/error.h"
#include "data/dataset_parts.h"
#include "data/dataset_rows.h"
#include "tasks/task.h"

namespace metaplastic {
namespace {

// A sample of a task's held-out classes, rows [num_rows, inputs] with labels.
Dataset sample_task(const DataSpec& spec, TaskConfig config) {
  std::ranges::fill(config.weights, 0.0f);
  config.weight(spec.form) = 1;
  config.image_sources.clear();
  const int num_classes = spec.number("classes", 2, 100, 10);
  config.min_classes = config.max_classes = num_classes;
  config.permute_inputs = false;
  config.augment.augmented_share = 0;
  const int num_rows = spec.number("rows", 1, 100'000, 2000);
  const int seed = spec.number("seed", 0, 1'000'000'000, 0);
  const TaskDistribution distribution(config);
  const Task task = distribution.make_task(static_cast<std::uint64_t>(seed), 0, Split::kValidation);
  if (task.num_classes() != num_classes) {
    fail("{}: expected at most {} classes, as many as are held out, found classes={}", spec.form,
         task.num_classes(), num_classes);
  }
  TaskBatch batch;
  task.draw_batch(Purpose::kEvaluation, 0, num_rows, batch);
  const auto num_inputs = static_cast<std::size_t>(batch.num_inputs);
  const auto count = static_cast<std::size_t>(num_rows);
  std::vector<float> values(count * num_inputs);
  for (std::size_t u = 0; u < num_inputs; ++u) {
    for (std::size_t b = 0; b < count; ++b) values[b * num_inputs + u] = batch.x[u * count + b];
  }
  Dataset data;
  data.image = task.shape();
  data.rows = std::make_shared<FloatRows>(std::move(values), batch.num_inputs);
  set_labels(data, std::vector<std::int64_t>(batch.labels.begin(), batch.labels.end()), spec.form);
  return data;
}

Dataset load_images_of_task(const DataSpec& spec) {
  TaskConfig config;
  config.image_side = spec.number("side", 4, 28, 14);
  Dataset data = sample_task(spec, config);
  data.kind = DataKind::kImage;
  data.pixel_max = 1;
  return data;
}

Dataset load_signals_of_task(const DataSpec& spec) {
  TaskConfig config;
  config.min_inputs = config.max_inputs = spec.number("numbers", 16, 4096, 512);
  Dataset data = sample_task(spec, config);
  data.kind = DataKind::kSignal;
  return data;
}

}  // namespace

std::span<const DataForm> data_forms() {
  // A form keeps a view of its notation.
  static const std::vector<std::string> kNotations = [] {
    std::vector<std::string> notations;
    for (const FamilyRow& row : family_rows()) {
      notations.push_back(fmt::format("{}[,rows=N][,classes=N][,{}=N][,seed=N]", row.name,
                                      row.has_images ? "side" : "numbers"));
    }
    return notations;
  }();
  static const std::vector<DataForm> kForms = [] {
    std::vector<DataForm> forms(file_forms().begin(), file_forms().end());
    for (std::size_t f = 0; f < family_rows().size(); ++f) {
      const FamilyRow& row = family_rows()[f];
      if (row.has_images) {
        forms.push_back({row.name,
                         0,
                         0,
                         kNotations[f],
                         {"rows", "classes", "side", "seed"},
                         load_images_of_task});
      } else if (row.has_signals) {
        forms.push_back({row.name,
                         0,
                         0,
                         kNotations[f],
                         {"rows", "classes", "numbers", "seed"},
                         load_signals_of_task});
      }
    }
    return forms;
  }();
  return kForms;
}

Dataset load_data(std::string_view spec) { return load_dataset(spec, data_forms()); }

}  // namespace metaplastic
