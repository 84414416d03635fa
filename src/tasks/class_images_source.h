// Where further class images come from: the notation of one source, and the files in it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace metaplastic {

// NAME=PATH[,PATH...][:WEIGHT][?], e.g. "omniglot=a.zip,b.zip:0.5" or "cifar=data/cifar/train:1?".
// A path is a folder or a .zip file; the deepest folder that holds an image is its class. Weight 1
// if none is given. A '?' at the end: the source is passed over when a path does not exist.
struct ImageSource {
  std::string name;
  std::vector<std::string> paths;
  float weight = 1;
  bool optional = false;
};

// Throws Error for text that does not follow the notation.
ImageSource parse_image_source(const std::string& text);
// Whether every path exists.
bool image_source_exists(const ImageSource& source);

// Called for each .png, .jpg and .jpeg file with its class folder, a name for errors and its bytes.
using ImageVisitor = std::function<void(const std::string& class_name, const std::string& file_name,
                                        const std::vector<std::uint8_t>& bytes)>;
// Visits at most max_per_class images of each class, the first ones by name, in the order of class
// and file name whatever order the folder or the archive has. Throws Error for paths that are
// missing or unreadable and for files above kMaxImageBytes.
// Returns a line about files with other endings, counted and named; "" where there are none.
inline constexpr std::int64_t kMaxImageBytes = 1 << 26;
std::string visit_images(const ImageSource& source, int max_per_class, const ImageVisitor& visit);

}  // namespace metaplastic
