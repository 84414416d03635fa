#include "report/tensorboard.h"

#include <map>

#include "meta/fields.h"

namespace metaplastic {
namespace {

// Each number as a scalar GROUP/NAME, a map of numbers as GROUP_NAME/KEY.
struct ScalarWriter {
  std::string group;
  StepEvents& events;
  template <class Number>
  void operator()(const char* name, Number value) {
    events.scalars.emplace_back(group + "/" + name, static_cast<double>(value));
  }
  void operator()(const char* name, const std::map<std::string, double>& values) {
    for (const auto& [key, value] : values)
      events.scalars.emplace_back(group + "_" + name + "/" + key, value);
  }
};

}  // namespace

void TensorBoardLog::add(const OuterMetrics& metrics) {
  if (!file_) file_.emplace(folder_, metrics.outer_step);
  StepEvents events;
  events.step = metrics.outer_step;
  ScalarWriter outer{"outer", events};
  visit_fields(outer, metrics);
  if (metrics.seconds > 0) {
    events.scalars.emplace_back("speed/inner_steps_per_second",
                                static_cast<double>(metrics.inner_steps) / metrics.seconds);
  }
  if (metrics.validation) {
    ScalarWriter validation{"meta_validation", events};
    visit_fields(validation, *metrics.validation);
  }
  file_->write(events);
}

}  // namespace metaplastic
