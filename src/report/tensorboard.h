// A meta-training run as TensorBoard shows it: scalars of every outer step, those of
// meta-validation, and the first-layer filters that the rule makes.
#pragma once

#include <optional>
#include <string>

#include "meta/trainer.h"
#include "report/event_file.h"

namespace metaplastic {

class TensorBoardLog {
 public:
  // Event files go into `folder`; rules are read from the run folder `run`.
  TensorBoardLog(std::string folder, std::string run)
      : folder_(std::move(folder)), run_(std::move(run)) {}

  // To be called with each outer step in turn. At a meta-validation the rule of that step is
  // applied to the held-out procedural images, which takes about a second.
  void add(const OuterMetrics& metrics);

 private:
  std::string folder_, run_;
  std::optional<EventFile> file_;  // from the first step on, whose number it needs
};

}  // namespace metaplastic
