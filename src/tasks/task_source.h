// An entry of the option tasks.images: the user's own labelled data as a task family.
//
//   NAME[*WEIGHT][?]=images:PATH[,PATH...]     folders or .zip files; a folder of images is a class
//   NAME[*WEIGHT][?]=npy:.. | npz:.. | csv:..  a data SPEC with labels
//   NAME[*WEIGHT][?]=tables:FOLDER             FRAME.LABEL.csv with a column `class`
//
// Weight 1 if none is given. With '?' the entry is left out when one of its files does not exist.
// Configs of earlier versions wrote images as NAME=PATH[,PATH...][:WEIGHT][?]; this is read too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metaplastic {

struct TaskSource {
  std::string name;
  float weight = 1;
  bool optional = false;
  bool is_images = false;
  bool is_table_folder = false;    // if neither, the rows of a file
  std::string spec;                // as given; of the older notation, its paths
  std::vector<std::string> paths;  // the files that must exist

  bool exists() const;
};

// Throws Error, one line, for text that does not follow the notation.
TaskSource parse_task_source(std::string_view text);

}  // namespace metaplastic
