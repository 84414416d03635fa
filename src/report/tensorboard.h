// A meta-training run as TensorBoard shows it: scalars of every outer step and of
// meta-validation. `metaplastic report` draws the filters of the rule.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "meta/outer_metrics.h"
#include "report/event_file.h"

namespace metaplastic {

class TensorBoardLog {
 public:
  explicit TensorBoardLog(std::string folder) : folder_(std::move(folder)) {}

  // To be called with each outer step in turn.
  void add(const OuterMetrics& metrics);

 private:
  std::string folder_;
  std::optional<EventFile> file_;  // from the first step on, whose number it needs
};

}  // namespace metaplastic
