// Charts as inline SVG: lines with bands, and horizontal bars with error bars. Colours come from
// the page's style sheet (classes s1 to s6), so that a dark page needs no second drawing.
//
// Why static SVG and no Vega-Lite: a page without a script opens everywhere (mail previews, file
// viewers, strict browsers), prints, and weighs 50 kB instead of 1 MB.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace metaplastic {

constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();
constexpr int kNumColours = 6;

struct Point {
  double x = 0, y = kNoValue;  // y not finite: a gap in the line
  double error = kNoValue;     // half height of the band there, if any
};

enum class LineStyle { kBold, kFaint, kDashed };

struct Line {
  std::string name;           // for the legend; "" has no entry
  std::vector<Point> points;  // ascending x
  int colour = 1;             // 1..kNumColours
  LineStyle style = LineStyle::kBold;
  bool has_dots = false;
};

struct LineChart {
  std::string id;  // unique on the page
  std::string title, description;
  std::string x_title, y_title;
  std::vector<Line> lines;
  bool is_log = false;  // the y axis
};

// A <figure> with heading, drawing and legend. Lines of more points than the drawing can show are
// thinned so that every peak stays.
std::string line_chart_html(const LineChart& chart);

struct ChartBar {
  std::string name;
  double value = 0;
  double error = kNoValue;
  std::string text;  // written beside the bar
  bool is_highlighted = false;
  std::optional<double> mark;  // a small tick, e.g. where the value started
};

struct BarChart {
  std::string id;
  std::string title, description;
  std::string x_title, mark_name;
  std::vector<ChartBar> bars;
};

std::string bar_chart_html(const BarChart& chart);

}  // namespace metaplastic
