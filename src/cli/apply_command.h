// The `apply` command that makes the features which evaluate chose.
#pragma once

#include <optional>
#include <string>

#include "apply/fit_encoder.h"
#include "eval/evaluate.h"

namespace metaplastic {

struct ApplyRequest {
  std::string rule, data;
  FitOptions options;  // as evaluate was given them
};

// "" where "learned" is not among the methods. Settings that are apply's defaults are left out.
std::string apply_command(const EvaluationResult& result, const ApplyRequest& request);

}  // namespace metaplastic
