#include "chart/chart.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "base/random.h"

namespace metaplastic {
namespace {

using nlohmann::json;

// Every field that an encoding names is in at least one row of the data.
void expect_fields_exist(const Figure& figure) {
  std::set<std::string> known;
  for (const json& row : figure.spec.at("data").at("values")) {
    for (const auto& [key, value] : row.items()) known.insert(key);
  }
  const auto check = [&](const json& encoding) {
    for (const auto& [channel, definition] : encoding.items()) {
      if (!definition.contains("field")) continue;
      EXPECT_TRUE(known.contains(definition["field"])) << figure.id << ": " << definition;
    }
  };
  if (figure.spec.contains("encoding")) check(figure.spec["encoding"]);
  for (const json& layer : figure.spec.value("layer", json::array())) check(layer["encoding"]);
}

TEST(Chart, GapsAreNullAndBandsAreWhereErrorsAre) {
  LineChart chart;
  chart.id = "c";
  chart.title = "t";
  chart.lines = {{"a",
                  {{1, 0.5, 0.125}, {2, kNoValue, kNoValue}, {3, 0.25, kNoValue}},
                  LineStyle::kBold,
                  true},
                 {"b", {{1, 1.0}}, LineStyle::kDashed, false}};
  const Figure figure = line_figure(chart);
  const json& rows = figure.spec["data"]["values"];
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0]["low"], 0.375);
  EXPECT_EQ(rows[0]["high"], 0.625);
  EXPECT_TRUE(rows[1]["value"].is_null());
  EXPECT_FALSE(rows[1].contains("low"));
  EXPECT_FALSE(rows[2].contains("low"));
  EXPECT_EQ(figure.spec["encoding"]["color"]["scale"]["domain"], json({"a", "b"}));
  EXPECT_EQ(figure.spec["layer"].size(), 3u);  // band, line, dots
  expect_fields_exist(figure);
}

TEST(Chart, OneLineNeedsNeitherLegendNorBand) {
  LineChart chart;
  chart.lines = {{"a", {{1, 1.0}, {2, 2.0}}, LineStyle::kBold, false}};
  const Figure figure = line_figure(chart);
  EXPECT_TRUE(figure.spec["encoding"]["color"]["legend"].is_null());
  EXPECT_EQ(figure.spec["layer"].size(), 1u);
}

TEST(Chart, LongLinesAreThinnedAndKeepTheirPeak) {
  LineChart chart;
  Line line{"a", {}, LineStyle::kFaint, false};
  Random random(1, Purpose::kTest);
  for (int n = 0; n < 10000; ++n) line.points.push_back({double(n), random.uniform()});
  line.points[5432].y = 7;
  chart.lines = {line};
  const json rows = line_figure(chart).spec["data"]["values"];
  EXPECT_LE(rows.size(), 400u);
  double highest = 0;
  for (const json& row : rows) highest = std::max(highest, row["value"].get<double>());
  EXPECT_EQ(highest, 7);
}

TEST(Chart, LogarithmicAxes) {
  LineChart chart;
  chart.is_x_log = true;
  chart.lines = {{"a", {{1, 1.0}, {10, 2.0}}, LineStyle::kBold, false}};
  const Figure figure = line_figure(chart);
  EXPECT_EQ(figure.spec["encoding"]["x"]["scale"]["type"], "log");
  EXPECT_FALSE(figure.spec["layer"][0]["encoding"]["y"]["scale"].contains("type"));
}

TEST(Chart, BarsKeepTheirOrder) {
  BarChart chart;
  chart.mark_name = "start";
  chart.bars = {{"z", 1, 0.5, true, 0.25}, {"a", -1, kNoValue, false, std::nullopt}};
  const Figure figure = bar_figure(chart);
  EXPECT_TRUE(figure.spec["encoding"]["y"]["sort"].is_null());
  EXPECT_EQ(figure.spec["data"]["values"][0]["name"], "z");
  EXPECT_EQ(figure.spec["layer"].size(), 3u);  // bar, whisker, tick
  expect_fields_exist(figure);
}

TEST(Chart, GroupsAndClouds) {
  GroupedBarChart bars;
  bars.bars = {{"1", "learned", 0.5, 0.1}, {"1", "raw", 0.25, 0.1}, {"3", "learned", 0.75, 0.1}};
  const Figure grouped = grouped_bar_figure(bars);
  expect_fields_exist(grouped);
  EXPECT_EQ(grouped.spec["encoding"]["xOffset"]["sort"], json({"learned", "raw"}));
  ScatterChart cloud;
  cloud.points = {{0, 1, "3"}, {std::numeric_limits<double>::infinity(), 2, "1"}};
  const Figure scatter = scatter_figure(cloud);
  expect_fields_exist(scatter);
  EXPECT_TRUE(scatter.spec["data"]["values"][1]["x"].is_null());
  EXPECT_EQ(scatter.spec["encoding"]["color"]["scale"]["domain"], json({"1", "3"}));
}

}  // namespace
}  // namespace metaplastic
