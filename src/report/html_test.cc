#include "report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "report/chart.h"
#include "report/series.h"
#include "report/shell_word.h"

namespace metaplastic {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Html, EscapesMarkup) {
  EXPECT_EQ(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
}

TEST(Html, KeepsUtf8AndReplacesWhatIsNone) {
  EXPECT_EQ(escape("gr\u00FC\u00DFe \U0001F642"), "gr\u00FC\u00DFe \U0001F642");
  EXPECT_EQ(escape(std::string("a\0b\x1B\x7F", 5)), "a\uFFFDb\uFFFD\uFFFD");
  EXPECT_EQ(escape("\xFF<"), "\uFFFD&lt;");
  EXPECT_EQ(escape("\xC3"), "\uFFFD");                        // cut short
  EXPECT_EQ(escape("\xC0\xBC"), "\uFFFD\uFFFD");              // an overlong '<'
  EXPECT_EQ(escape("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");    // a surrogate
  EXPECT_EQ(escape("\xC2\x85\xEF\xBF\xBF"), "\uFFFD\uFFFD");  // a control, a non-character
}

TEST(Html, Numbers) {
  EXPECT_EQ(fixed(0.71349, 3), "0.713");
  EXPECT_EQ(fixed(-0.0004, 3), "0.000");
  EXPECT_EQ(fixed(-0.0006, 3), "-0.001");
  EXPECT_EQ(fixed(std::nan(""), 3), "none");
  EXPECT_EQ(fixed(1.5e300, 3), "1.5e+300");
  EXPECT_EQ(with_error(0.5, 0.01, 2), "0.50 \u00B1\u00A00.01");
  EXPECT_EQ(with_error(0.5, std::nan(""), 2), "0.50");
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-100000), "-100,000");
  EXPECT_EQ(duration(1.24), "1.2 s");
  EXPECT_EQ(duration(480), "8 min");
  EXPECT_EQ(duration(12240), "3.4 h");
}

TEST(Html, TableEscapesItsCells) {
  const std::string html = table_html({"<c>", {"<h>", "n"}, {{"<r>", "1"}}, {}});
  EXPECT_THAT(html, HasSubstr("<caption>&lt;c&gt;</caption>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">&lt;r&gt;</th><td class=\"number\">1</td>"));
  EXPECT_THAT(html, Not(HasSubstr("<h>")));
}

TEST(ShellWord, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(shell_word("runs/a-1"), "runs/a-1");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("it's $HOME"), "'it'\\''s $HOME'");
}

std::vector<Point> points_of(const std::vector<double>& values) {
  std::vector<Point> points;
  for (const double value : values) points.push_back({double(points.size()), value, kNoValue});
  return points;
}

TEST(Series, SmoothingIsTheMeanOfNeighboursWithoutGaps) {
  const auto smooth = smoothed(points_of({1, 3, kNoValue, 5, 100}), 1);
  EXPECT_EQ(smooth[0].y, 2);
  EXPECT_EQ(smooth[1].y, 2);
  EXPECT_TRUE(std::isnan(smooth[2].y));
  EXPECT_EQ(smooth[3].y, 52.5);
  EXPECT_EQ(smooth[4].x, 4);
}

TEST(Series, ThinningKeepsPeaksAndOrder) {
  std::vector<double> values(10000, 1.0);
  values[1234] = 9;
  values[1235] = -9;
  values[9999] = 7;
  const auto thin = thinned(points_of(values), 100);
  EXPECT_LE(thin.size(), 100u);
  double low = 0, high = 0;
  for (std::size_t n = 0; n < thin.size(); ++n) {
    low = std::min(low, thin[n].y);
    high = std::max(high, thin[n].y);
    if (n > 0) {
      EXPECT_GT(thin[n].x, thin[n - 1].x);
    }
  }
  EXPECT_EQ(low, -9);
  EXPECT_EQ(high, 9);
  EXPECT_EQ(thin.back().y, 7);
  EXPECT_EQ(thinned(points_of({1, 2, 3}), 100).size(), 3u);
}

LineChart chart_of(const std::vector<double>& values) {
  LineChart chart;
  chart.id = "c";
  chart.title = "<title>";
  chart.description = "words";
  chart.y_title = "loss & more";
  chart.lines.push_back({"a <line>", points_of(values), 2, LineStyle::kBold, false});
  return chart;
}

TEST(LineChart, HasAxesLineLegendAndWords) {
  const std::string html = line_chart_html(chart_of({1, 2, 4}));
  EXPECT_THAT(html, HasSubstr("role=\"img\" aria-labelledby=\"c c-text\""));
  EXPECT_THAT(html, HasSubstr("<desc id=\"c-text\">words</desc>"));
  EXPECT_THAT(html, HasSubstr("class=\"line s2\" d=\"M"));
  EXPECT_THAT(html, HasSubstr("loss &amp; more"));
  EXPECT_THAT(html, HasSubstr("a &lt;line&gt;</li>"));
  EXPECT_THAT(html, Not(HasSubstr("<title>")));
  EXPECT_THAT(html, Not(HasSubstr("nan")));
}

TEST(LineChart, GapsBreakTheLineAndALoneValueGetsADot) {
  const std::string html = line_chart_html(chart_of({1, 2, kNoValue, 3}));
  const std::size_t start = html.find("class=\"line s2\" d=\"") + 19;
  const std::string path = html.substr(start, html.find('"', start) - start);
  EXPECT_EQ(std::ranges::count(path, 'M'), 2) << path;
  EXPECT_EQ(std::ranges::count(path, 'L'), 1) << path;
  EXPECT_THAT(html, HasSubstr("<circle class=\"dot s2\""));
}

TEST(LineChart, NothingToDrawIsNoTrouble) {
  EXPECT_THAT(line_chart_html(chart_of({kNoValue})), Not(HasSubstr("nan")));
  EXPECT_THAT(line_chart_html(chart_of({})), Not(HasSubstr("nan")));
  LineChart chart = chart_of({-1, 0});
  chart.is_log = true;
  EXPECT_THAT(line_chart_html(chart), Not(HasSubstr("nan")));
}

TEST(BarChart, LengthsFollowValuesAndErrorsHaveWhiskers) {
  BarChart chart;
  chart.id = "b";
  chart.bars = {{"half", 0.5, 0.1, "0.5", true, std::nullopt},
                {"one", 1.0, kNoValue, "1.0", false, 0.25},
                {"minus", -0.5, kNoValue, "-0.5", false, std::nullopt}};
  const std::string html = bar_chart_html(chart);
  std::vector<double> widths;
  for (std::size_t at = 0; (at = html.find("<rect", at)) != html.npos; ++at) {
    widths.push_back(std::stod(html.substr(html.find("width=\"", at) + 7)));
  }
  ASSERT_EQ(widths.size(), 3u);
  EXPECT_NEAR(widths[1], 2 * widths[0], 0.2);  // printed with one decimal
  EXPECT_NEAR(widths[2], widths[0], 0.2);
  EXPECT_EQ(html.find("whisker"), html.rfind("whisker"));
  EXPECT_THAT(html, HasSubstr("class=\"mark\""));
}

}  // namespace
}  // namespace metaplastic
