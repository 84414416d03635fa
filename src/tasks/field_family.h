// Procedural classes: textures, silhouettes and objects made of parts, filled with textures and lit
// differently in every instance. Each task invents its own classes, so none ever returns; the two
// splits draw theirs from different random streams.
#pragma once

#include <limits>
#include <memory>
#include <string_view>

#include "tasks/task_family.h"

namespace metaplastic {

class FieldFamily : public TaskFamily {
 public:
  std::string_view name() const override { return "fields"; }
  std::string describe() const override { return "fields: procedural, version 1"; }
  int max_classes(Split) const override { return std::numeric_limits<int>::max(); }
  std::unique_ptr<ClassSet> draw_classes(Split split, int num_classes,
                                         Random& random) const override;
};

}  // namespace metaplastic
