#include "report/experiment_record.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "experiments/result_file.h"
#include "io/atomic_file.h"
#include "report/html.h"

namespace metaplastic {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::uint64_t kMaxResultBytes = std::uint64_t{1} << 26;
constexpr int kMaxDepth = 64;  // writing values out again recurses
constexpr std::string_view kPicture = "data:image/png;base64,";

// The object, or null for a file that no experiment wrote.
json parse_result(const std::string& path) {
  bool is_too_deep = false;
  const auto keep = [&](int depth, json::parse_event_t, json&) {
    is_too_deep = is_too_deep || depth > kMaxDepth;
    return depth <= kMaxDepth;
  };
  json value = json::parse(read_text_file(path, kMaxResultBytes), keep, /*allow_exceptions=*/false);
  if (!value.is_object() || is_too_deep) return nullptr;
  const auto format = value.find("format");
  if (format == value.end() || !format->is_string()) return nullptr;
  if (!format->get<std::string>().starts_with("metaplastic experiment ")) return nullptr;
  if (*format != kExperimentFormat) {
    fail("{}: expected the format {}, found {}; use the program that wrote it", path,
         quote_text(kExperimentFormat), quote_text(format->get<std::string>()));
  }
  return value;
}

std::string text_of(const json& value) {
  if (value.is_null()) return "none";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fixed(value.get<double>(), 4);
  if (!value.is_array()) return value.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string text;
  for (const json& item : value) text += (text.empty() ? "" : ", ") + text_of(item);
  return text;
}

std::vector<std::string> texts_of(const json& values) {
  std::vector<std::string> texts;
  for (const json& value : values) texts.push_back(value.get<std::string>());
  return texts;
}

void take_rows(ExperimentRecord& record, const json& value) {
  record.columns = texts_of(value.at("columns"));
  record.is_text.assign(record.columns.size(), false);
  for (const json& row : value.at("rows")) {
    std::vector<std::string> cells;
    for (std::size_t c = 0; c < record.columns.size(); ++c) {
      const json cell = row.value(record.columns[c], json());
      if (cell.is_string()) record.is_text[c] = true;
      cells.push_back(text_of(cell));
    }
    record.rows.push_back(std::move(cells));
  }
}

ExperimentPicture take_picture(const json& value, const std::string& path) {
  ExperimentPicture picture{value.at("title"), value.at("alt"), value.at("light"),
                            value.at("dark")};
  if (!picture.light.starts_with(kPicture) || !picture.dark.starts_with(kPicture)) {
    fail("{}: expected pictures as {}..., found another thing", path, kPicture);
  }
  return picture;
}

ExperimentRecord take_record(const json& value, const std::string& path) {
  ExperimentRecord record;
  record.file = fs::path(path).filename().string();
  value.at("experiment").get_to(record.name);
  value.at("claim").get_to(record.claim);
  value.at("finding").get_to(record.finding);
  value.at("command").get_to(record.command);
  for (const json& figure : value.at("figures")) {
    record.figures.push_back(
        {figure.at("id"), figure.at("title"), figure.at("description"), figure.at("spec")});
  }
  for (const json& picture : value.at("pictures")) {
    record.pictures.push_back(take_picture(picture, path));
  }
  take_rows(record, value);
  record.notes = texts_of(value.at("notes"));
  for (const json& rule : value.at("rules")) {
    record.facts.emplace_back("rule", text_of(rule.at("name")));
    record.facts.emplace_back("SHA-256 of the rule", text_of(rule.at("sha256")));
  }
  for (const char* fact : {"seed", "quick", "program", "commit", "seconds", "cpu_seconds"}) {
    record.facts.emplace_back(fact, text_of(value.at(fact)));
  }
  for (const auto& [key, setting] : value.at("settings").items()) {
    record.facts.emplace_back(key, text_of(setting));
  }
  return record;
}

}  // namespace

std::vector<ExperimentRecord> read_experiments(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string path = entry->path().string();
    if (path.ends_with(".json") && !path.ends_with(".vl.json")) paths.push_back(path);
  }
  std::ranges::sort(paths);
  std::vector<ExperimentRecord> records;
  for (const std::string& path : paths) {
    const json value = parse_result(path);
    if (value.is_null()) continue;
    try {
      records.push_back(take_record(value, path));
    } catch (const json::exception&) {
      fail("{}: expected what metaplastic experiment writes, found something else", path);
    }
  }
  if (records.empty()) {
    fail(
        "--experiments: expected a folder that metaplastic experiment --out wrote, found no result "
        "in {}",
        quote_text(folder, 200));
  }
  return records;
}

}  // namespace metaplastic
