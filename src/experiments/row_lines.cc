#include "experiments/row_lines.h"

#include <algorithm>

namespace metaplastic {
namespace {

std::string text_of(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::vector<Line> lines_of(const std::vector<nlohmann::json>& rows, const RowLines& how) {
  std::vector<Line> lines;
  for (const nlohmann::json& row : rows) {
    if (!row.contains(how.x) || !row.at(how.x).is_number()) continue;
    if (!how.only_column.empty() && text_of(row.at(how.only_column)) != how.only_value) continue;
    std::string name;
    for (const std::string& column : how.series) {
      name += (name.empty() ? "" : ", ") + text_of(row.at(column));
    }
    auto line = std::ranges::find(lines, name, &Line::name);
    if (line == lines.end()) {
      const bool is_rule = !row.contains("method") ||
                           std::ranges::count(how.rules, row.at("method").get<std::string>()) > 0;
      lines.push_back({name, {}, is_rule ? LineStyle::kBold : LineStyle::kDashed, true});
      line = lines.end() - 1;
    }
    line->points.push_back({row.at(how.x).get<double>(), row.at("accuracy").get<double>(),
                            row.value("stderr", kNoValue)});
  }
  return lines;
}

}  // namespace metaplastic
