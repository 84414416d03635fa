// Tests only: the smallest runs with every part, of milliseconds an outer step.
#pragma once

#include "meta/meta_config.h"

namespace metaplastic {

// K of 2 to 4 and T of 5 to 12 stop most trajectories in the middle.
inline MetaConfig small_run_config() {
  MetaConfig config;
  config.rule = {"compact", 6, 3, 2};
  config.tasks.weight("glyphs") = 0;
  config.tasks.max_classes = 3;
  config.inner.max_layers = 2;
  config.inner.min_units = config.inner.min_features = 8;
  config.inner.max_units = config.inner.max_features = 12;
  config.inner.inner_batch = {16};
  config.inner.min_T = 5;
  config.inner.max_T = 12;
  config.truncation.min_K = 2;
  config.truncation.max_K = 4;
  config.truncation.shots = 4;
  config.validation.every = 2;
  config.validation.hidden = {8, 8};
  return config;
}

}  // namespace metaplastic
