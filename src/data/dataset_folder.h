// Files of a folder, a sub-folder per class, in an order that does not depend on the file system.
#pragma once

#include <string>
#include <vector>

namespace metaplastic {

struct FolderListing {
  std::vector<std::string> files;    // sorted by class, then name
  std::vector<std::string> classes;  // [files], or empty: a flat folder
};

// Lists regular files with one of the endings (lower case, compared in either case), directly in
// `folder` or one level below; names that begin with a dot are passed over, as are sub-folders
// without such a file. Throws Error when there are none, when files lie on both levels, or when a
// folder cannot be read.
FolderListing list_class_folder(const std::string& folder, const std::vector<std::string>& endings);

}  // namespace metaplastic
