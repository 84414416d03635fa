#include "tasks/task_forms.h"

#include <algorithm>

#include "base/error.h"
#include "data/dataset_parts.h"
#include "data/dataset_rows.h"
#include "tasks/task.h"

namespace metaplastic {
namespace {

Dataset load_task_sample(const DataSpec& spec) {
  TaskConfig config;
  std::ranges::fill(config.weights, 0.0f);
  config.weight(spec.form) = 1;
  config.image_sources.clear();
  config.image_side = spec.number("side", 4, 28, 14);
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
  const auto num_pixels = static_cast<std::size_t>(batch.num_inputs);
  const auto num_images = static_cast<std::size_t>(num_rows);
  std::vector<float> pixels(num_images * num_pixels);
  for (std::size_t u = 0; u < num_pixels; ++u) {
    for (std::size_t b = 0; b < num_images; ++b) {
      pixels[b * num_pixels + u] = batch.x[u * num_images + b];
    }
  }
  Dataset data;
  data.kind = DataKind::kImage;
  data.image = {config.image_side, config.image_side, 1};
  data.pixel_max = 1;
  data.rows = std::make_shared<FloatRows>(std::move(pixels), batch.num_inputs);
  set_labels(data, std::vector<std::int64_t>(batch.labels.begin(), batch.labels.end()), spec.form);
  return data;
}

}  // namespace

std::span<const DataForm> data_forms() {
  // A form keeps a view of its notation.
  static const std::vector<std::string> kNotations = [] {
    std::vector<std::string> notations;
    for (const FamilyRow& row : family_rows())
      notations.push_back(std::string(row.name) + "[,rows=N][,classes=N][,side=N][,seed=N]");
    return notations;
  }();
  static const std::vector<DataForm> kForms = [] {
    std::vector<DataForm> forms(file_forms().begin(), file_forms().end());
    for (std::size_t f = 0; f < family_rows().size(); ++f) {
      const FamilyRow& row = family_rows()[f];
      if (!row.has_images) continue;
      forms.push_back(
          {row.name, 0, 0, kNotations[f], {"rows", "classes", "side", "seed"}, load_task_sample});
    }
    return forms;
  }();
  return kForms;
}

Dataset load_data(std::string_view spec) { return load_dataset(spec, data_forms()); }

}  // namespace metaplastic
