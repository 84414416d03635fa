// A folder of real tables as a task family: tools/make_task_tables.R writes one. A file is
// FRAME.LABEL.csv with the label in column `class`; files of one frame are never in both splits.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/class_table.h"
#include "tasks/task_source.h"

namespace metaplastic {

class TableFolderFamily : public TaskFamily {
 public:
  // Reads every .csv file of the folder, standardised as `apply` would. held_out_share of the
  // frames, chosen by name, are for meta-validation only. Throws Error for a folder of fewer than
  // two frames and for unlabelled tables.
  TableFolderFamily(const TaskSource& source, float held_out_share);

  std::string_view name() const override { return name_; }
  int max_classes(Split split) const override;
  // A frame, then one of its labels, each uniformly; of its classes at most num_classes. In half of
  // the tasks the columns are a random subset.
  std::unique_ptr<ClassSet> draw_classes(Split split, int num_classes,
                                         Random& random) const override;
  // "frames: 200 tables of 90 frames, sha256 ...".
  std::string describe() const override { return description_; }
  std::vector<std::string> frame_names(Split split) const;

 private:
  struct Frame {
    std::string name;
    std::vector<std::shared_ptr<const ClassTable>> tables;
  };
  const std::vector<Frame>& frames(Split split) const {
    return split == Split::kTrain ? train_ : validation_;
  }

  std::string name_, description_;
  std::vector<Frame> train_, validation_;  // in name order
};

}  // namespace metaplastic
