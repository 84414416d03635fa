#include "chart/chart.h"

#include <algorithm>
#include <cmath>

#include "chart/series.h"

namespace metaplastic {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxPoints = 400;  // of one line
constexpr int kHeight = 260, kRowHeight = 26;
constexpr std::size_t kLetterWidth = 7;  // pixels of a tick label's letter

// JSON has no word for a number that is not finite.
json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json frame(const std::string& title, const std::string& description) {
  return {{"$schema", "https://vega.github.io/schema/vega-lite/v6.json"},
          {"title", title},
          {"description", description},
          {"width", "container"},
          {"height", kHeight}};
}

json channel(const char* field, const char* type, const std::string& title) {
  json result = {{"field", field}, {"type", type}};
  result["title"] = title.empty() ? json(nullptr) : json(title);
  return result;
}

json scaled(json channel, bool is_log) {
  channel["scale"] = is_log ? json{{"type", "log"}} : json{{"zero", false}};
  return channel;
}

// Colours by name, in the order of the chart.
json colour(const std::vector<std::string>& names, const char* field) {
  json legend = {{"title", nullptr},
                 {"orient", "bottom"},
                 {"columns", 3},
                 {"labelLimit", 260},
                 {"symbolOpacity", 1}};
  return {{"field", field},
          {"type", "nominal"},
          {"scale", {{"domain", names}}},
          {"legend", names.size() > 1 ? legend : json(nullptr)}};
}

json value_and_error(double value, double error) {
  json row = {{"value", number(value)}};
  if (std::isfinite(value) && std::isfinite(error)) {
    row["low"] = value - error;
    row["high"] = value + error;
  }
  return row;
}

template <class Item>
std::vector<std::string> names_of(const std::vector<Item>& items, std::string Item::*member) {
  std::vector<std::string> names;
  for (const Item& item : items) {
    if (std::ranges::find(names, item.*member) == names.end()) names.push_back(item.*member);
  }
  return names;
}

const char* style_name(LineStyle style) {
  return style == LineStyle::kBold ? "bold" : style == LineStyle::kFaint ? "faint" : "dashed";
}

json of_style(json bold, json faint, json dashed) {
  return {{"field", "style"},
          {"type", "ordinal"},
          {"legend", nullptr},
          {"scale",
           {{"type", "ordinal"},
            {"domain", {"bold", "faint", "dashed"}},
            {"range", {bold, faint, dashed}}}}};
}

}  // namespace

Figure line_figure(const LineChart& chart) {
  json values = json::array();
  bool has_band = false, has_dots = false;
  for (const Line& line : chart.lines) {
    has_dots = has_dots || line.has_dots;
    for (const Point& point : thinned(line.points, kMaxPoints)) {
      json row = value_and_error(point.y, point.error);
      has_band = has_band || row.contains("low");
      row["x"] = point.x;
      row["line"] = line.name;
      row["style"] = style_name(line.style);
      row["dots"] = line.has_dots;
      values.push_back(std::move(row));
    }
  }
  json spec = frame(chart.title, chart.description);
  spec["data"]["values"] = std::move(values);
  spec["encoding"] = {{"x", scaled(channel("x", "quantitative", chart.x_title), chart.is_x_log)},
                      {"color", colour(names_of(chart.lines, &Line::name), "line")}};
  const json y = scaled(channel("value", "quantitative", chart.y_title), chart.is_y_log);
  spec["layer"] = json::array();
  if (has_band) {
    json low = y;
    low["field"] = "low";
    spec["layer"].push_back({{"transform", {{{"filter", "isValid(datum.low)"}}}},
                             {"mark", {{"type", "area"}, {"opacity", 0.18}}},
                             {"encoding", {{"y", low}, {"y2", {{"field", "high"}}}}}});
  }
  spec["layer"].push_back({{"mark", {{"type", "line"}, {"clip", true}, {"tooltip", true}}},
                           {"encoding",
                            {{"y", y},
                             {"detail", {{"field", "style"}}},
                             {"opacity", of_style(1, 0.4, 1)},
                             {"size", of_style(2.4, 1, 1.8)},
                             {"strokeDash", of_style({1, 0}, {1, 0}, {6, 4})}}}});
  if (has_dots) {
    spec["layer"].push_back(
        {{"transform", {{{"filter", "datum.dots && isValid(datum.value)"}}}},
         {"mark", {{"type", "point"}, {"filled", true}, {"size", 36}, {"tooltip", true}}},
         {"encoding", {{"y", y}}}});
  }
  return {chart.id, chart.title, chart.description, std::move(spec)};
}

Figure bar_figure(const BarChart& chart) {
  json values = json::array();
  bool has_whiskers = false, has_marks = false;
  for (const ChartBar& bar : chart.bars) {
    json row = value_and_error(bar.value, bar.error);
    has_whiskers = has_whiskers || row.contains("low");
    row["name"] = bar.name;
    row["kind"] = bar.is_highlighted ? "highlighted" : "other";
    if (bar.mark) row["mark"] = number(*bar.mark);
    has_marks = has_marks || bar.mark;
    values.push_back(std::move(row));
  }
  json spec = frame(chart.title, chart.description);
  spec["height"] = kRowHeight * chart.bars.size();
  spec["data"]["values"] = std::move(values);
  json y = channel("name", "nominal", "");
  y["sort"] = nullptr;
  json x = channel("value", "quantitative", chart.x_title);
  if (chart.as_dots) x["scale"] = {{"zero", false}, {"padding", 12}};
  spec["encoding"] = {{"y", y}};
  json kind = colour({"highlighted", "other"}, "kind");
  kind["legend"] = nullptr;
  json mark = {{"type", "bar"}, {"tooltip", true}, {"height", {{"band", 0.6}}}};
  if (chart.as_dots) mark = {{"type", "circle"}, {"tooltip", true}, {"size", 80}, {"opacity", 1}};
  spec["layer"] = {{{"mark", mark}, {"encoding", {{"x", x}, {"color", kind}}}}};
  if (has_whiskers) {
    json low = x;
    low["field"] = "low";
    spec["layer"].push_back({{"transform", {{{"filter", "isValid(datum.low)"}}}},
                             {"mark", {{"type", "rule"}, {"size", 1.6}}},
                             {"encoding", {{"x", low}, {"x2", {{"field", "high"}}}}}});
  }
  if (has_marks) {
    json tick = x;
    tick["field"] = "mark";
    spec["layer"].push_back(
        {{"mark", {{"type", "tick"}, {"thickness", 2.4}, {"tooltip", chart.mark_name}}},
         {"encoding", {{"x", tick}}}});
  }
  return {chart.id, chart.title, chart.description, std::move(spec)};
}

Figure grouped_bar_figure(const GroupedBarChart& chart) {
  json values = json::array();
  for (const GroupedBar& bar : chart.bars) {
    json row = value_and_error(bar.value, bar.error);
    row["group"] = bar.group;
    row["name"] = bar.name;
    values.push_back(std::move(row));
  }
  json spec = frame(chart.title, chart.description);
  spec["data"]["values"] = std::move(values);
  json x = channel("group", "nominal", chart.x_title);
  x["sort"] = nullptr;
  const std::vector<std::string> groups = names_of(chart.bars, &GroupedBar::group);
  std::size_t longest = 0;  // letters of two labels side by side
  for (std::size_t n = 0; n + 1 < groups.size(); ++n) {
    longest = std::max(longest, groups[n].size() + groups[n + 1].size());
  }
  // Labels stand upright only where they would run together.
  const std::string is_narrow =
      "width < " + std::to_string(groups.size() * (longest + 2) * kLetterWidth / 2);
  x["axis"] = {{"labelAngle", {{"expr", is_narrow + " ? 270 : 0"}}},
               {"labelAlign", {{"expr", is_narrow + " ? 'right' : 'center'"}}},
               {"labelBaseline", {{"expr", is_narrow + " ? 'middle' : 'top'"}}}};
  const std::vector<std::string> names = names_of(chart.bars, &GroupedBar::name);
  spec["encoding"] = {{"x", x}, {"xOffset", {{"field", "name"}, {"sort", names}}}};
  const json y = channel("value", "quantitative", chart.y_title);
  json low = y;
  low["field"] = "low";
  spec["layer"] = {{{"mark", {{"type", "bar"}, {"tooltip", true}}},
                    {"encoding", {{"y", y}, {"color", colour(names, "name")}}}},
                   {{"transform", {{{"filter", "isValid(datum.low)"}}}},
                    {"mark", {{"type", "rule"}, {"size", 1.6}}},
                    {"encoding", {{"y", low}, {"y2", {{"field", "high"}}}}}}};
  return {chart.id, chart.title, chart.description, std::move(spec)};
}

Figure scatter_figure(const ScatterChart& chart) {
  json values = json::array();
  for (const ScatterPoint& point : chart.points) {
    values.push_back({{"x", number(point.x)}, {"y", number(point.y)}, {"class", point.name}});
  }
  json spec = frame(chart.title, chart.description);
  spec["height"] = kHeight + 100;
  spec["data"]["values"] = std::move(values);
  std::vector<std::string> names = names_of(chart.points, &ScatterPoint::name);
  std::ranges::sort(names);
  json shape = colour(names, "class");
  spec["mark"] = {{"type", "point"}, {"filled", true}, {"opacity", 0.7}, {"tooltip", true}};
  spec["encoding"] = {{"x", scaled(channel("x", "quantitative", chart.x_title), false)},
                      {"y", scaled(channel("y", "quantitative", chart.y_title), false)},
                      {"color", shape},
                      {"shape", shape}};
  return {chart.id, chart.title, chart.description, std::move(spec)};
}

}  // namespace metaplastic
