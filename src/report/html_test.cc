#include "report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "report/figure.h"
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

TEST(Figure, ItsSpecificationCannotBecomeMarkup) {
  const Figure figure = {"c", "<title>", "words & more", {{"mark", "</script>"}, {"n", "\u00e4"}}};
  const std::string html = figure_html(figure);
  EXPECT_THAT(html, HasSubstr("<h3 id=\"c\">&lt;title&gt;</h3>"));
  EXPECT_THAT(html, HasSubstr("<div class=\"plot\" id=\"c-plot\"><noscript>words &amp; more<"));
  EXPECT_THAT(html, HasSubstr("{\"mark\":\"\\u003c/script\\u003e\",\"n\":\"\\u00e4\"}"));
  EXPECT_EQ(html.find("</script>"), html.rfind("</script>"));
}

}  // namespace
}  // namespace metaplastic
