// Task families that a program supplies as objects, beside those that a config makes: callables of
// Python (python/bindings/callable_family.h). The config names them and gives their weights
// (tasks.callables), so that a run is not resumed without them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tasks/task_family.h"

namespace metaplastic {

using SuppliedFamilies = std::vector<std::shared_ptr<const TaskFamily>>;

struct WeightedFamily {
  std::shared_ptr<const TaskFamily> family;
  float weight = 1;
};

// The families in the order of the entries, each NAME[*WEIGHT]. Throws Error for an entry without
// a family of its name, and the other way round.
std::vector<WeightedFamily> match_families(const std::vector<std::string>& entries,
                                           const SuppliedFamilies& supplied);

}  // namespace metaplastic
