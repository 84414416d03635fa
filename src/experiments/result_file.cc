#include "experiments/result_file.h"

#include <algorithm>

#include "base/error.h"
#include "chart/filters.h"
#include "experiments/build_commit.h"
#include "io/atomic_file.h"
#include "io/json_lines.h"

namespace metaplastic {
namespace {

using nlohmann::json;

std::string cell_text(const json& row, const std::string& column) {
  const auto found = row.find(column);
  if (found == row.end() || found->is_null()) return "-";
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number_float()) return fmt::format("{:.4f}", found->get<double>());
  return found->dump();
}

}  // namespace

json result_json(const Experiment& experiment, const ExperimentOptions& options,
                 const ExperimentResult& result, const std::string& command, const RunTime& time) {
  json rules = json::array();
  for (const FoundRule& rule : options.rules) {
    rules.push_back({{"name", rule.name}, {"sha256", rule.sha256}});
  }
  json figures = json::array(), pictures = json::array();
  for (const Figure& figure : result.figures) {
    figures.push_back({{"id", figure.id},
                       {"title", figure.title},
                       {"description", figure.description},
                       {"spec", figure.spec}});
  }
  for (const ThemedPicture& picture : result.pictures) {
    pictures.push_back({{"id", picture.id},
                        {"title", picture.title},
                        {"alt", picture.alt},
                        {"light", data_uri(picture.light)},
                        {"dark", data_uri(picture.dark)}});
  }
  return {{"format", kExperimentFormat}, {"experiment", experiment.name},
          {"claim", experiment.claim},   {"finding", result.finding},
          {"command", command},          {"program", "metaplastic " METAPLASTIC_VERSION},
          {"commit", build_commit()},    {"seed", options.seed},
          {"quick", options.quick},      {"rules", rules},
          {"seconds", time.seconds},     {"cpu_seconds", time.cpu_seconds},
          {"settings", result.settings}, {"columns", result.columns},
          {"rows", result.rows},         {"figures", figures},
          {"pictures", pictures},        {"notes", result.notes}};
}

std::vector<std::string> write_result(const Experiment& experiment,
                                      const ExperimentOptions& options,
                                      const ExperimentResult& result, const std::string& command,
                                      const RunTime& time) {
  METAPLASTIC_CHECK(!result.figures.empty());
  std::vector<std::string> paths;
  const auto path = [&](const std::string& name) {
    paths.push_back(options.out + "/" + name);
    return paths.back();
  };
  for (const Figure& figure : result.figures) {
    write_json_atomically(path(figure.id + ".vl.json"), figure.spec);
  }
  for (const ThemedPicture& picture : result.pictures) {
    write_file_atomically(path(picture.id + ".png"), picture.light);
  }
  write_json_atomically(path(experiment.name + ".json"),
                        result_json(experiment, options, result, command, time));
  return paths;
}

std::string result_table(const ExperimentResult& result) {
  std::vector<std::size_t> widths;
  for (const std::string& column : result.columns) {
    std::size_t width = column.size();
    for (const json& row : result.rows) width = std::max(width, cell_text(row, column).size());
    widths.push_back(width);
  }
  std::string table;
  const auto add_line = [&](const auto& text_of) {
    std::string line;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      line += fmt::format("{:<{}}  ", text_of(result.columns[c]), widths[c]);
    }
    table += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add_line([](const std::string& column) { return column; });
  for (const json& row : result.rows) {
    add_line([&](const std::string& column) { return cell_text(row, column); });
  }
  return table + result.finding + "\n";
}

}  // namespace metaplastic
