// Solid objects with the outlines of another family's drawings: strokes thickened until they fill,
// covered with a texture, lit and set on a background anew in each instance. What varies inside a
// class is what varies among its drawings (fonts, hands), and paint on top of it.
#pragma once

#include <memory>
#include <string_view>

#include "tasks/task_family.h"

namespace metaplastic {

class DressedFamily : public TaskFamily {
 public:
  // The outlines are bright strokes on black; the family's splits are those of the outlines.
  explicit DressedFamily(std::shared_ptr<const TaskFamily> outlines);

  std::string_view name() const override { return "dressed"; }
  std::string describe() const override {
    return "dressed: version 1, outlines of " + outlines_->describe();
  }
  int max_classes(Split split) const override { return outlines_->max_classes(split); }
  std::unique_ptr<ClassSet> draw_classes(Split split, int num_classes,
                                         Random& random) const override;

 private:
  std::shared_ptr<const TaskFamily> outlines_;
};

}  // namespace metaplastic
