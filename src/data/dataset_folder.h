// Files of a folder, a sub-folder per class, in an order that does not depend on the file system.
#pragma once

#include <string>
#include <vector>

namespace metaplastic {

struct FolderListing {
  std::vector<std::string> files;    // sorted by class, then name, as people count (1, 2, 10)
  std::vector<std::string> names;    // [files], below the folder: "cat/1.png"
  std::vector<std::string> classes;  // [files], or empty: a flat folder
  std::string left_out;              // one line that counts and names it, or empty
};

// Lists regular files with one of the endings (lower case, compared in either case), directly in
// `folder` or one level below; symbolic links are followed. Other endings, deeper folders,
// sub-folders without such a file, broken links and hidden files with such an ending are left out
// and named; other names that begin with a dot are passed over. Throws Error when there are no
// files (saying where they are, if deeper), when files lie on both levels, or when a folder cannot
// be read.
FolderListing list_class_folder(const std::string& folder, const std::vector<std::string>& endings);

// What the forms images and text read in a folder.
const std::vector<std::string>& image_endings();
const std::vector<std::string>& text_endings();

}  // namespace metaplastic
