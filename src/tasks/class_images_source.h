// The image files of a task source (task_source.h): a path is a folder or a .zip file, and the
// deepest folder that holds an image is its class.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tasks/task_source.h"

namespace metaplastic {

// Called for each .png, .jpg and .jpeg file with its class folder, a name for errors and its bytes.
using ImageVisitor = std::function<void(const std::string& class_name, const std::string& file_name,
                                        const std::vector<std::uint8_t>& bytes)>;
// Visits at most max_per_class images of each class, the first ones by name, in the order of class
// and file name whatever order the folder or the archive has. Throws Error for paths that are
// missing or unreadable and for files above kMaxImageBytes.
// Returns a line about files with other endings, counted and named; "" where there are none.
inline constexpr std::int64_t kMaxImageBytes = 1 << 26;
std::string visit_images(const TaskSource& source, int max_per_class, const ImageVisitor& visit);

}  // namespace metaplastic
