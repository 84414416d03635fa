#include "data/data_files.h"

#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "data/data_spec.h"
#include "data/dataset_folder.h"
#include "data/dataset_parts.h"

namespace metaplastic {

namespace fs = std::filesystem;

std::vector<std::string> data_files(std::string_view text, std::span<const DataForm> forms) {
  const DataSpec spec = parse_data_spec(text, forms);
  std::error_code error;
  if (spec.paths.empty()) {
    const bool has_files =
        spec.form == "mnist" || spec.form == "cifar10" || spec.form == "fashion-mnist";
    if (has_files && fs::is_directory(data_folder(), error)) return {data_folder()};
    return {};
  }
  std::vector<std::string> files;
  for (const std::string& path : spec.paths) {
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    try {
      const FolderListing listing =
          list_class_folder(path, spec.form == "images" ? image_endings() : text_endings());
      files.insert(files.end(), listing.files.begin(), listing.files.end());
    } catch (const Error&) {
      // Loading says what is wrong with the folder.
    }
  }
  return files;
}

std::string without_folders(std::string_view text) {
  // Not parsed: the SPEC may be of another version, or the name of an array in Python.
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const bool starts_path =
        text[at] == '/' && (at == 0 || std::string_view(":,=").find(text[at - 1]) != text.npos);
    if (!starts_path) {
      result += text[at++];
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && !(text[end] == ',' && text[end - 1] != '\\')) ++end;
    std::string_view path = text.substr(at, end - at);
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    result += path.substr(path.rfind('/') + 1);
    at = end;
  }
  return result;
}

}  // namespace metaplastic
