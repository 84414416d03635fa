// Tests only: clusters (data/test_gaussians.h) and few draws of them.
#pragma once

#include "data/test_gaussians.h"
#include "eval/draws.h"

namespace metaplastic {

inline DrawOptions few_draws() {
  DrawOptions options;
  options.shots = 5;
  options.trials = 20;
  options.seed = 3;
  return options;
}

}  // namespace metaplastic
