#include "experiments/package_texts.h"

#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "io/atomic_file.h"

namespace metaplastic {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 28;
constexpr std::size_t kLeast = 20, kMost = 300;

// Descriptions by section, in the order of the file.
std::map<std::string, std::vector<std::string>> texts_by_section(const std::string& status) {
  std::map<std::string, std::vector<std::string>> sections;
  std::set<std::string> seen;
  std::string section, text;
  bool in_description = false;
  const auto finish = [&] {
    if (!section.empty() && !text.empty() && seen.insert(text).second) {
      // "contrib/libs" and "libs" are one class.
      sections[section.substr(section.rfind('/') + 1)].push_back(text);
    }
    section.clear();
    text.clear();
    in_description = false;
  };
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    for (char& c : line) {
      if (c == '\t' || c == '\r') c = ' ';
    }
    if (line.empty()) {
      finish();
    } else if (line.front() == ' ') {
      if (in_description) text += line == " ." ? "" : line;
    } else {
      in_description = line.starts_with("Description:");
      if (in_description) text = line.substr(12);
      if (line.starts_with("Section: ")) section = line.substr(9);
    }
  }
  finish();
  return sections;
}

}  // namespace

void write_package_texts(const std::string& status_file, const std::string& tsv) {
  std::string out;
  int num_sections = 0;
  for (const auto& [section, texts] : texts_by_section(read_text_file(status_file, kMaxBytes))) {
    if (texts.size() < kLeast) continue;
    ++num_sections;
    for (std::size_t n = 0; n < std::min(texts.size(), kMost); ++n) {
      out += section + "\t" + texts[n] + "\n";
    }
  }
  if (num_sections < 3) {
    fail(
        "{}: expected at least 3 sections with {} packages each, found {}; give text of your own "
        "with --data text:FILE.tsv",
        status_file, kLeast, num_sections);
  }
  write_file_atomically(tsv, out);
}

}  // namespace metaplastic
