// The user's own labelled rows as a task family: a table or images in a file that `--data` reads.
// A task takes some of the classes; the rows enter the base model as `apply` would prepare them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/class_table.h"
#include "tasks/task_source.h"

namespace metaplastic {

class ArrayFamily : public TaskFamily {
 public:
  // Reads all rows, standardised (tables) or shrunk to images of at most image_side. Of each class
  // held_out_share of the rows, chosen by row number, are for meta-validation only. Classes of
  // fewer than ClassTable::kMinRows rows in a split are left out. Throws Error for unlabelled data
  // and for fewer than two classes.
  ArrayFamily(const TaskSource& source, float held_out_share, int image_side);

  std::string_view name() const override { return name_; }
  int max_classes(Split split) const override {
    return static_cast<int>(table(split)->rows_of_class.size());
  }
  std::unique_ptr<ClassSet> draw_classes(Split split, int num_classes,
                                         Random& random) const override;
  // "wine: 178 rows of 13 numbers, 3 classes, sha256 ...".
  std::string describe() const override;

 private:
  const std::shared_ptr<const ClassTable>& table(Split split) const {
    return split == Split::kTrain ? train_ : validation_;
  }

  std::string name_, description_;
  std::shared_ptr<const ClassTable> train_, validation_;
};

}  // namespace metaplastic
