// Line charts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "report/axis.h"
#include "report/chart.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/series.h"

namespace metaplastic {
namespace {

// Units of the drawing; the page scales it to its column, so text stays readable at phone width.
constexpr double kWidth = 420, kHeight = 254;
constexpr double kTop = 30, kRight = 16, kBottom = 44, kTickGap = 6;
constexpr double kLetterWidth = 9.2;  // of a digit in the chart's type, rounded up
constexpr std::size_t kMaxPoints = 400;
constexpr std::size_t kMaxDots = 40;  // more of them hide the line

struct Frame {
  Axis x, y;
  double left = 0;
  double px(double value) const { return left + x.share(value) * (kWidth - left - kRight); }
  double py(double value) const { return kHeight - kBottom - y.share(value) * plot_height(); }
  static double plot_height() { return kHeight - kTop - kBottom; }
};

Frame make_frame(const LineChart& chart) {
  double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
  for (const Line& line : chart.lines) {
    for (const Point& point : line.points) {
      x_low = std::min(x_low, point.x);
      x_high = std::max(x_high, point.x);
      if (!std::isfinite(point.y) || (chart.is_log && point.y <= 0)) continue;
      const double error = std::isfinite(point.error) ? point.error : 0;
      y_low = std::min(y_low, point.y - error);
      y_high = std::max(y_high, point.y + error);
    }
  }
  Frame frame;
  AxisOptions steps;
  steps.max_ticks = 5;
  steps.whole = true;
  steps.grow_low = steps.grow_high = false;
  frame.x = linear_axis(x_low, x_high, steps);
  AxisOptions values;
  values.max_ticks = 5;
  frame.y = chart.is_log ? log_axis(y_low, y_high) : linear_axis(y_low, y_high, values);
  std::size_t longest = 0;
  for (const std::string& label : frame.y.labels) longest = std::max(longest, label.size());
  frame.left = kLetterWidth * static_cast<double>(longest) + kTickGap + 2;
  return frame;
}

std::string axes_svg(const LineChart& chart, const Frame& frame) {
  const double bottom = kHeight - kBottom;
  std::string svg;
  for (std::size_t t = 0; t < frame.y.ticks.size(); ++t) {
    const double y = frame.py(frame.y.ticks[t]);
    svg += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", frame.left, y,
                       kWidth - kRight);
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>",
                       frame.left - kTickGap, y + 4.5, frame.y.labels[t]);
  }
  for (std::size_t t = 0; t < frame.x.ticks.size(); ++t) {
    const double x = frame.px(frame.x.ticks[t]);
    svg += fmt::format("<path class=\"axis\" d=\"M{:.1f} {:.1f}v5\"/>", x, bottom);
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", x,
                       bottom + 19, frame.x.labels[t]);
  }
  svg += fmt::format("<path class=\"axis\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", frame.left, bottom,
                     kWidth - kRight);
  svg += fmt::format("<text class=\"name\" x=\"0\" y=\"13\">{}</text>", escape(chart.y_title));
  svg +=
      fmt::format("<text class=\"name\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                  kWidth - kRight, kHeight - 6, escape(chart.x_title));
  return svg;
}

bool is_drawn(const LineChart& chart, const Point& point) {
  return std::isfinite(point.y) && (!chart.is_log || point.y > 0);
}

// Closed outlines of y +- error, one per stretch without gaps.
std::string band_svg(const LineChart& chart, const Frame& frame, const Line& line) {
  std::string path, back;
  const auto close = [&] {
    if (!back.empty()) path += back + "Z";
    back.clear();
  };
  for (const Point& point : line.points) {
    if (!is_drawn(chart, point) || !std::isfinite(point.error)) {
      close();
      continue;
    }
    const double x = frame.px(point.x);
    path += fmt::format("{}{:.1f} {:.1f}", back.empty() ? "M" : "L", x,
                        frame.py(point.y + point.error));
    back = fmt::format("L{:.1f} {:.1f}", x, frame.py(point.y - point.error)) + back;
  }
  close();
  if (path.empty()) return "";
  return fmt::format("<path class=\"band s{}\" d=\"{}\"/>\n", line.colour, path);
}

std::string line_svg(const LineChart& chart, const Frame& frame, const Line& line) {
  const std::vector<Point> points = thinned(line.points, kMaxPoints);
  const char* style = line.style == LineStyle::kFaint    ? " faint"
                      : line.style == LineStyle::kDashed ? " dashed"
                                                         : "";
  std::string path, dots;
  bool is_open = false;
  for (std::size_t n = 0; n < points.size(); ++n) {
    if (!is_drawn(chart, points[n])) {
      is_open = false;
      continue;
    }
    const double x = frame.px(points[n].x), y = frame.py(points[n].y);
    path += fmt::format("{}{:.1f} {:.1f}", is_open ? "L" : "M", x, y);
    // A value between two gaps has no line; a dot shows it.
    const bool is_alone = !is_open && (n + 1 == points.size() || !is_drawn(chart, points[n + 1]));
    if (is_alone || (line.has_dots && points.size() <= kMaxDots)) {
      dots += fmt::format("<circle class=\"dot s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.2\"/>",
                          line.colour, x, y);
    }
    is_open = true;
  }
  if (path.empty()) return "";
  return fmt::format("<path class=\"line s{}{}\" d=\"{}\"/>\n{}", line.colour, style, path, dots);
}

std::vector<LegendEntry> legend_of(const LineChart& chart) {
  std::vector<LegendEntry> entries;
  for (const Line& line : chart.lines) {
    if (line.name.empty()) continue;
    const char* style = line.style == LineStyle::kFaint    ? " faint"
                        : line.style == LineStyle::kDashed ? " dashed"
                                                           : "";
    entries.push_back(
        {line.name, fmt::format("<path class=\"line s{}{}\" d=\"M1 6H25\"/>", line.colour, style)});
  }
  return entries;
}

}  // namespace

std::string line_chart_html(const LineChart& chart) {
  const Frame frame = make_frame(chart);
  std::string svg = axes_svg(chart, frame);
  for (const Line& line : chart.lines) {
    METAPLASTIC_CHECK(line.colour >= 1 && line.colour <= kNumColours);
    Line band = line;
    band.points = thinned(line.points, kMaxPoints);
    svg += band_svg(chart, frame, band);
  }
  for (const Line& line : chart.lines) svg += line_svg(chart, frame, line);
  return figure_html({chart.id, chart.title, chart.description, kWidth, kHeight}, svg,
                     legend_of(chart));
}

}  // namespace metaplastic
