// Horizontal bars.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/axis.h"
#include "report/chart.h"
#include "report/figure.h"
#include "report/html.h"

namespace metaplastic {
namespace {

constexpr double kWidth = 420, kRow = 25, kBarHeight = 14, kTop = 6, kBottom = 44;
constexpr double kLetterWidth = 9.0, kGap = 8;  // of wide typefaces
constexpr std::size_t kMaxNameBytes = 14;       // longer names stand in full in the table

std::string short_name(const std::string& name) {
  if (name.size() <= kMaxNameBytes) return name;
  std::size_t end = kMaxNameBytes - 1;
  // Not in the middle of a UTF-8 character.
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return name.substr(0, end) + "\u2026";
}

struct Frame {
  Axis x;
  double left = 0, right = 0, bottom = 0;
  double px(double value) const { return left + x.share(value) * (right - left); }
};

Frame make_frame(const BarChart& chart) {
  double low = 0, high = 0;
  std::size_t name_letters = 0, text_letters = 0;
  for (const ChartBar& bar : chart.bars) {
    const double error = std::isfinite(bar.error) ? bar.error : 0;
    for (const double end : {bar.value - error, bar.value + error, bar.mark.value_or(0)}) {
      if (!std::isfinite(end)) continue;
      low = std::min(low, end);
      high = std::max(high, end);
    }
    name_letters = std::max(name_letters, std::min(bar.name.size(), kMaxNameBytes));
    text_letters = std::max(text_letters, bar.text.size());
  }
  Frame frame;
  AxisOptions options;
  options.max_ticks = 4;
  options.grow_high = high > 0;
  options.grow_low = low < 0;
  frame.x = linear_axis(low, high, options);
  frame.left = kLetterWidth * static_cast<double>(name_letters) + kGap;
  frame.right = kWidth - kLetterWidth * static_cast<double>(text_letters) - kGap;
  frame.bottom = kTop + kRow * static_cast<double>(chart.bars.size());
  return frame;
}

std::string bar_svg(const Frame& frame, const ChartBar& bar, double top) {
  const double middle = top + kRow / 2;
  std::string svg =
      fmt::format("<text class=\"name\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>",
                  frame.left - kGap, middle + 4.5, escape(short_name(bar.name)));
  svg += fmt::format("<text class=\"name\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>",
                     kWidth, middle + 4.5, escape(bar.text));
  if (!std::isfinite(bar.value)) return svg;
  const double from = frame.px(std::min(0.0, bar.value)), to = frame.px(std::max(0.0, bar.value));
  svg += fmt::format(
      "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" rx=\"1.5\"/>",
      bar.is_highlighted ? "bar s1" : "bar plain", from, middle - kBarHeight / 2,
      std::max(to - from, 0.5), kBarHeight);
  if (std::isfinite(bar.error) && bar.error > 0) {
    const double low = frame.px(bar.value - bar.error), high = frame.px(bar.value + bar.error);
    svg += fmt::format(
        "<path class=\"whisker\" d=\"M{0:.1f} {2:.1f}H{1:.1f}M{0:.1f} {3:.1f}v8M{1:.1f} "
        "{3:.1f}v8\"/>",
        low, high, middle, middle - 4);
  }
  if (bar.mark) {
    svg += fmt::format("<path class=\"mark\" d=\"M{:.1f} {:.1f}v{}\"/>", frame.px(*bar.mark),
                       middle - kBarHeight / 2 - 3, kBarHeight + 6);
  }
  return svg + "\n";
}

}  // namespace

std::string bar_chart_html(const BarChart& chart) {
  const Frame frame = make_frame(chart);
  std::string svg;
  for (std::size_t t = 0; t < frame.x.ticks.size(); ++t) {
    const double x = frame.px(frame.x.ticks[t]);
    svg += fmt::format("<path class=\"grid\" d=\"M{:.1f} {}V{:.1f}\"/>", x, kTop, frame.bottom);
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", x,
                       frame.bottom + 17, frame.x.labels[t]);
  }
  for (std::size_t n = 0; n < chart.bars.size(); ++n) {
    svg += bar_svg(frame, chart.bars[n], kTop + kRow * static_cast<double>(n));
  }
  svg += fmt::format("<path class=\"axis\" d=\"M{:.1f} {}V{:.1f}\"/>", frame.px(0), kTop,
                     frame.bottom);
  svg +=
      fmt::format("<text class=\"name\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                  frame.right, frame.bottom + 36, escape(chart.x_title));
  std::vector<LegendEntry> legend;
  if (!chart.mark_name.empty()) {
    legend.push_back({chart.mark_name, "<path class=\"mark\" d=\"M13 0V12\"/>"});
  }
  return figure_html({chart.id, chart.title, chart.description, kWidth, frame.bottom + kBottom},
                     svg, legend);
}

}  // namespace metaplastic
