#include "data/dataset_folder.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/natural_order.h"
#include "base/nearest.h"
#include "base/text.h"
#include "data/left_out.h"
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

// Names in one folder in natural order: sub-folders, and files with one of the endings.
struct Entries {
  std::vector<std::string> folders, files;
};

// `prefix` is put before names of what is left out.
Entries read_folder(const fs::path& folder, const std::vector<std::string>& endings,
                    const std::string& prefix, LeftOut& left_out) {
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
    std::error_code ignored;
    const bool is_folder = entry->is_directory(ignored);
    if (file.starts_with('.')) {
      if (!is_folder && has_ending(file, endings)) left_out.add_hidden(prefix + file);
    } else if (is_folder) {
      entries.folders.push_back(file);
    } else if (!entry->is_regular_file(ignored)) {
      left_out.add_other(prefix + file);
    } else if (has_ending(file, endings)) {
      entries.files.push_back(file);
    } else {
      left_out.add_ending(prefix + file);
    }
  }
  if (error) {
    fail("{}: expected a readable folder, found: {}; check its permissions", name, error.message());
  }
  std::sort(entries.folders.begin(), entries.folders.end(), natural_less);
  std::sort(entries.files.begin(), entries.files.end(), natural_less);
  return entries;
}

// The nearest folder below the two levels that holds a file with one of the endings, relative to
// `folder`; "" where a short search finds none.
std::string find_deeper(const fs::path& folder, const std::vector<std::string>& endings) {
  constexpr int kMaxFolders = 1000, kMaxDepth = 6;
  std::deque<std::pair<std::string, int>> waiting = {{"", 0}};
  for (int visited = 0; !waiting.empty() && visited < kMaxFolders; ++visited) {
    const auto [relative, depth] = waiting.front();
    waiting.pop_front();
    LeftOut ignored;
    Entries entries;
    try {
      entries = read_folder(folder / relative, endings, "", ignored);
    } catch (const Error&) {
      continue;  // not allowed to look there
    }
    if (!entries.files.empty()) return relative;
    if (depth == kMaxDepth) continue;
    for (const std::string& below : entries.folders) {
      waiting.emplace_back(relative.empty() ? below : relative + "/" + below, depth + 1);
    }
  }
  return "";
}

[[noreturn]] void fail_without_files(const std::string& folder,
                                     const std::vector<std::string>& endings,
                                     const LeftOut& left_out) {
  const std::string name = printable(folder, 400);
  const std::string deeper = find_deeper(folder, endings);
  if (!deeper.empty()) {
    const fs::path classes = (fs::path(folder) / deeper).parent_path();
    fail(
        "{}: expected files ending in {} in the folder or one level below, found them only deeper, "
        "in {}; give the folder {}",
        name, join_names(endings), quote_text(deeper, 200), quote_text(classes.string(), 400));
  }
  const std::string others = left_out.text();
  fail("{}: expected files ending in {}, found {}; {}", name, join_names(endings),
       others.empty() ? "none" : others,
       left_out.has_endings() ? "convert them" : "check the folder");
}

}  // namespace

const std::vector<std::string>& image_endings() {
  static const std::vector<std::string> kEndings = {".png",  ".jpg", ".jpeg", ".jpe",
                                                    ".jfif", ".pgm", ".ppm",  ".pnm"};
  return kEndings;
}

const std::vector<std::string>& text_endings() {
  static const std::vector<std::string> kEndings = {".txt"};
  return kEndings;
}

FolderListing list_class_folder(const std::string& folder,
                                const std::vector<std::string>& endings) {
  const std::string name = printable(folder, 400);
  FolderListing listing;
  LeftOut left_out;
  const Entries top = read_folder(folder, endings, "", left_out);
  for (const std::string& file : top.files) {
    listing.files.push_back((fs::path(folder) / file).string());
    listing.names.push_back(file);
  }
  for (const std::string& class_name : top.folders) {
    const fs::path below = fs::path(folder) / class_name;
    const Entries entries = read_folder(below, endings, class_name + "/", left_out);
    for (const std::string& deeper : entries.folders) {
      left_out.add_deep_folder(class_name + "/" + deeper);
    }
    if (entries.files.empty()) {
      left_out.add_empty_folder(class_name);
      continue;
    }
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
      listing.names.push_back(class_name + "/" + file);
      listing.classes.push_back(class_name);
    }
  }
  if (listing.files.empty()) fail_without_files(folder, endings, left_out);
  const std::string others = left_out.text();
  if (!others.empty()) listing.left_out = name + ": left out " + others;
  return listing;
}

}  // namespace metaplastic
