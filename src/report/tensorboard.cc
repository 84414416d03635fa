#include "report/tensorboard.h"

#include "apply/fit_encoder.h"
#include "base/error.h"
#include "chart/filters.h"
#include "meta/run_folder.h"
#include "tasks/task_forms.h"

namespace metaplastic {
namespace {

constexpr const char* kFilterData = "fields";
constexpr int kFilterSteps = 100;
constexpr int kFilterUnits = 64;
constexpr int kColumns = 8;

void add_validation(const ValidationResult& validation, StepEvents& events) {
  events.scalars.emplace_back("meta_validation/accuracy", validation.accuracy);
  events.scalars.emplace_back("meta_validation/random_accuracy", validation.random_accuracy);
  events.scalars.emplace_back("meta_validation/meta_loss", validation.meta_loss);
  for (const auto& [family, accuracy] : validation.by_family)
    events.scalars.emplace_back("meta_validation_accuracy_by_family/" + family, accuracy);
}

std::vector<std::byte> filters_of_rule(const std::string& path) {
  const Rule rule = load_rule(path);
  const Dataset data = load_data(kFilterData);
  FitOptions options;
  options.layers = LayerChoice{};
  options.training.model.hidden = {kFilterUnits};
  if (rule.sizes.is_metz2019()) options.training.model.features = rule.sizes.top_units;
  options.training.inner_steps = kFilterSteps;
  const Applied applied = fit_encoder({rule, path, path, ""}, data, options);
  return filters_png(trained_filters(applied.last()), kColumns, Theme::kLight);
}

}  // namespace

void TensorBoardLog::add(const OuterMetrics& metrics) {
  if (!file_) file_.emplace(folder_, metrics.outer_step);
  StepEvents events;
  events.step = metrics.outer_step;
  const double seconds = metrics.seconds > 0 ? metrics.seconds : 1;
  events.scalars = {
      {"outer/meta_loss", metrics.meta_loss},
      {"outer/accuracy", metrics.accuracy},
      {"outer/gradient_norm", metrics.gradient_norm},
      {"outer/outer_lr", metrics.outer_lr},
      {"outer/non_finite_truncations", metrics.num_non_finite},
      {"speed/inner_steps_per_second", static_cast<double>(metrics.inner_steps) / seconds}};
  if (metrics.validation) {
    add_validation(*metrics.validation, events);
    events.images.emplace_back("first_layer_filters",
                               filters_of_rule(step_rule_path(run_, metrics.outer_step)));
  }
  file_->write(events);
}

}  // namespace metaplastic
