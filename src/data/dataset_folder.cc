#include "data/dataset_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "data/read_text.h"

namespace metaplastic {
namespace {

namespace fs = std::filesystem;

bool has_ending(const std::string& name, const std::vector<std::string>& endings) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::any_of(endings.begin(), endings.end(),
                     [&](const std::string& ending) { return lower.ends_with(ending); });
}

// Names in one folder, sorted: sub-folders, or files with one of the endings.
struct Entries {
  std::vector<std::string> folders, files;
};

Entries read_folder(const fs::path& folder, const std::vector<std::string>& endings) {
  const std::string name = printable(folder.string(), 400);
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    fail("{}: expected a folder, found {}; check the name", name,
         error && error != std::errc::no_such_file_or_directory ? error.message()
         : fs::exists(folder, error)                            ? "a file"
                                                                : "nothing");
  }
  Entries entries;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    if (file.starts_with('.')) continue;
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      entries.folders.push_back(file);
    } else if (entry->is_regular_file(ignored) && has_ending(file, endings)) {
      entries.files.push_back(file);
    }
  }
  if (error) {
    fail("{}: expected a readable folder, found: {}; check its permissions", name, error.message());
  }
  std::sort(entries.folders.begin(), entries.folders.end());
  std::sort(entries.files.begin(), entries.files.end());
  return entries;
}

}  // namespace

FolderListing list_class_folder(const std::string& folder,
                                const std::vector<std::string>& endings) {
  const std::string name = printable(folder, 400);
  FolderListing listing;
  const Entries top = read_folder(folder, endings);
  for (const std::string& file : top.files)
    listing.files.push_back((fs::path(folder) / file).string());
  for (const std::string& class_name : top.folders) {
    const fs::path below = fs::path(folder) / class_name;
    const Entries entries = read_folder(below, endings);
    if (entries.files.empty()) continue;
    if (!top.files.empty()) {
      fail(
          "{}: expected files either in the folder or in one sub-folder per class, found both ({} "
          "and {}); move them",
          name, quote_text(top.files.front()),
          quote_text(class_name + "/" + entries.files.front()));
    }
    if (!is_utf8(class_name)) {
      fail("{}: expected sub-folders with UTF-8 names, found {}; rename it", name,
           quote_text(class_name));
    }
    for (const std::string& file : entries.files) {
      listing.files.push_back((below / file).string());
      listing.classes.push_back(class_name);
    }
  }
  if (listing.files.empty()) {
    fail("{}: expected files ending in {}, found none; check the folder", name,
         join_names(endings));
  }
  return listing;
}

}  // namespace metaplastic
