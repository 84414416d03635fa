// Charts as Vega-Lite specifications: what an experiment writes and what the report page draws.
// A specification carries its data and names no colour: the page that draws it brings the theme.
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace metaplastic {

constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

struct Point {
  double x = 0, y = kNoValue;  // y not finite: a gap in the line
  double error = kNoValue;     // half height of the band there, if any
};

enum class LineStyle { kBold, kFaint, kDashed };

struct Line {
  std::string name;           // for the legend
  std::vector<Point> points;  // ascending x
  LineStyle style = LineStyle::kBold;
  bool has_dots = false;
};

struct LineChart {
  std::string id;  // unique on a page
  std::string title, description;
  std::string x_title, y_title;
  std::vector<Line> lines;
  bool is_x_log = false, is_y_log = false;
};

struct ChartBar {
  std::string name;
  double value = 0;
  double error = kNoValue;  // half length of the whisker, if any
  bool is_highlighted = false;
  std::optional<double> mark;  // a small tick, e.g. where the value started
};

struct BarChart {
  std::string id;
  std::string title, description;
  std::string x_title, mark_name;
  std::vector<ChartBar> bars;
  bool as_dots = false;  // dots on an axis that need not begin at 0
};

// Upright bars side by side in groups, e.g. methods at 1, 3 and 10 labels.
struct GroupedBar {
  std::string group, name;
  double value = 0, error = kNoValue;
};

struct GroupedBarChart {
  std::string id;
  std::string title, description;
  std::string x_title, y_title;
  std::vector<GroupedBar> bars;  // groups and names in the order of their first bar
};

struct ScatterPoint {
  double x = 0, y = 0;
  std::string name;  // its colour and its entry in the legend, which is sorted
};

struct ScatterChart {
  std::string id;
  std::string title, description;
  std::string x_title, y_title;
  std::vector<ScatterPoint> points;
};

// A chart ready to be drawn or saved.
struct Figure {
  std::string id, title, description;
  nlohmann::json spec;  // Vega-Lite, complete in itself
};

// Lines of more points than a drawing can show are thinned so that every peak stays.
Figure line_figure(const LineChart& chart);
Figure bar_figure(const BarChart& chart);
Figure grouped_bar_figure(const GroupedBarChart& chart);
Figure scatter_figure(const ScatterChart& chart);

}  // namespace metaplastic
