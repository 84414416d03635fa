#include "data/left_out.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/natural_order.h"
#include "base/text.h"

namespace metaplastic {
namespace {

constexpr std::size_t kMaxEndings = 8;
constexpr std::size_t kMaxNames = 4;

// "2 folders too deep (a/b, c/d)".
std::string counted(std::vector<std::string> names, const char* one, const char* many) {
  std::sort(names.begin(), names.end(), natural_less);
  std::string list;
  for (std::size_t n = 0; n < std::min(names.size(), kMaxNames); ++n) {
    list += (n > 0 ? ", " : "") + printable(names[n], 120);
  }
  if (names.size() > kMaxNames) list += ", ...";
  return fmt::format("{} {} ({})", names.size(), names.size() == 1 ? one : many, list);
}

}  // namespace

void LeftOut::add_ending(const std::string& name) {
  std::string ending = std::filesystem::path(name).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  by_ending_[ending].push_back(name);
}

std::string LeftOut::text() const {
  std::vector<std::string> parts;
  std::size_t num_further = 0;
  for (const auto& [ending, names] : by_ending_) {
    if (parts.size() == kMaxEndings) {
      num_further += names.size();
      continue;
    }
    const std::string kind =
        ending.empty() ? "without an ending" : "ending in " + printable(ending, 40);
    parts.push_back(counted(names, ("file " + kind).c_str(), ("files " + kind).c_str()));
  }
  if (num_further > 0) parts.push_back(fmt::format("{} files with other endings", num_further));
  const auto add = [&](const std::vector<std::string>& names, const char* one, const char* many) {
    if (!names.empty()) parts.push_back(counted(names, one, many));
  };
  add(deep_folders_, "folder too deep", "folders too deep");
  add(empty_folders_, "sub-folder without files to read", "sub-folders without files to read");
  add(hidden_, "hidden file", "hidden files");
  add(others_, "broken link or special file", "broken links or special files");
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace metaplastic
