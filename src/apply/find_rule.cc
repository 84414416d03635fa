#include "apply/find_rule.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/nearest.h"
#include "base/share.h"
#include "base/text.h"
#include "io/safetensors.h"
#include "rule/classical.h"

namespace metaplastic {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSuffix = ".safetensors";

std::vector<fs::path> rule_folders() {
  std::vector<fs::path> folders = share_folders();
  for (fs::path& folder : folders) folder /= "rules";
  return folders;
}

// Path of the shipped rule of this name, or "".
std::string shipped_path(const std::string& name) {
  if (name.find('/') != std::string::npos) return "";
  for (const fs::path& folder : rule_folders()) {
    std::error_code error;
    const fs::path path = folder / (name + kSuffix);
    if (fs::is_regular_file(path, error)) return path.string();
  }
  return "";
}

FoundRule from_file(const std::string& name, const std::string& path) {
  FoundRule found{load_rule(path), name, path, ""};
  found.sha256 = read_safetensors(path).require_metadata(kDigestKey);
  return found;
}

}  // namespace

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const ClassicalRule& rule : classical_rules()) names.push_back(rule.name);
  for (const fs::path& folder : rule_folders()) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      const fs::path& path = entry->path();
      if (path.extension() == kSuffix) names.push_back(path.stem().string());
    }
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

FoundRule find_rule(const std::string& name_or_path) {
  std::error_code error;
  if (fs::exists(name_or_path, error)) return from_file(name_or_path, name_or_path);
  // A shipped file comes before the built-in twin of a classical rule: it has a digest.
  if (const std::string path = shipped_path(name_or_path); !path.empty()) {
    return from_file(name_or_path, path);
  }
  if (is_classical_rule(name_or_path)) {
    return {make_classical_rule(name_or_path, classical_sizes(name_or_path), 0), name_or_path, "",
            ""};
  }
  const std::vector<std::string> names = rule_names();
  fail("rule: expected a rule file or one of {}, found {}{}", join_names(names),
       quote_text(name_or_path, 200), did_you_mean(name_or_path, names));
}

}  // namespace metaplastic
