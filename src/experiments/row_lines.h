// Lines of a chart out of the rows of an experiment.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "chart/chart.h"

namespace metaplastic {

// One line per combination of values in the columns `series`, named "digits, learned"; x from the
// column `x`, y and its band from "accuracy" and "stderr". Rows that lack x, or do not have the
// value that `only` asks of a column, are left out. Lines of a method that is none of `rules` are
// dashed.
struct RowLines {
  std::string x;
  std::vector<std::string> series = {"dataset", "method"};
  std::string only_column{}, only_value{};
  std::vector<std::string> rules = {"learned"};
};
std::vector<Line> lines_of(const std::vector<nlohmann::json>& rows, const RowLines& how);

}  // namespace metaplastic
