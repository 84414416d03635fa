#include "tasks/task_source.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "data/data_form.h"

namespace metaplastic {
namespace {

constexpr std::string_view kImages = "images:", kTables = "tables:";
constexpr const char* kArrayForms[] = {"npy:", "npz:", "csv:"};
constexpr float kMaxWeight = 1e6f;

[[noreturn]] void refuse(std::string_view text, const char* found) {
  fail(
      "tasks.images: expected NAME[*WEIGHT][?]=SPEC with a SPEC such as images:FOLDER, "
      "images:FILE.zip, npz:rows.npz, csv:rows.csv,label=class or tables:FOLDER, found {} in {}",
      found, quote_text(std::string(text), 200));
}

float parse_weight(std::string_view text, std::string_view whole) {
  float weight = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, weight);
  if (error != std::errc{} || stop != end || !(weight >= 0) || !(weight <= kMaxWeight))
    refuse(whole, "a weight that is no number from 0 to 1e6");
  return weight;
}

bool take_end(std::string_view& text, char last) {
  if (!text.ends_with(last)) return false;
  text.remove_suffix(1);
  return true;
}

// Paths with commas between them; a comma of a name is \, as in a data SPEC.
std::vector<std::string> parse_paths(std::string_view text, std::string_view whole) {
  std::vector<std::string> paths(1);
  for (std::size_t n = 0; n < text.size(); ++n) {
    if (text[n] == ',') {
      paths.emplace_back();
    } else {
      if (text[n] == '\\' && n + 1 < text.size() && text[n + 1] == ',') ++n;
      paths.back() += text[n];
    }
  }
  if (std::ranges::any_of(paths, &std::string::empty)) refuse(whole, "an empty path");
  return paths;
}

bool is_array_spec(std::string_view spec) {
  return std::ranges::any_of(kArrayForms, [&](const char* form) { return spec.starts_with(form); });
}

}  // namespace

bool TaskSource::exists() const {
  return std::ranges::all_of(paths, [](const std::string& path) {
    std::error_code error;
    return std::filesystem::exists(path, error);
  });
}

TaskSource parse_task_source(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) refuse(text, "no '='");
  TaskSource source;
  std::string_view name = text.substr(0, equals), spec = text.substr(equals + 1);
  source.optional = take_end(name, '?');
  if (const std::size_t star = name.find('*'); star != std::string_view::npos) {
    source.weight = parse_weight(name.substr(star + 1), text);
    name = name.substr(0, star);
  }
  if (name.empty()) refuse(text, "no name");
  source.name = name;
  if (is_array_spec(spec)) {
    source.spec = spec;
    source.paths = parse_data_spec(spec, file_forms()).paths;
    return source;
  }
  if (spec.starts_with(kTables)) {
    source.is_table_folder = true;
    source.spec = spec;
    source.paths = parse_paths(spec.substr(kTables.size()), text);
    if (source.paths.size() > 1) refuse(text, "more than one folder of tables");
    return source;
  }
  source.is_images = true;
  if (spec.starts_with(kImages)) {
    source.spec = spec;
    source.paths = parse_paths(spec.substr(kImages.size()), text);
    return source;
  }
  // The older notation.
  source.optional = take_end(spec, '?') || source.optional;
  if (const std::size_t colon = spec.rfind(':'); colon != std::string_view::npos) {
    source.weight = parse_weight(spec.substr(colon + 1), text);
    spec = spec.substr(0, colon);
  }
  source.spec = spec;
  source.paths = parse_paths(spec, text);
  return source;
}

}  // namespace metaplastic
