#include "report/figure.h"

#include <fmt/format.h>

#include "report/html.h"

namespace metaplastic {

std::string figure_html(const FigureFrame& frame, const std::string& svg,
                        const std::vector<LegendEntry>& legend) {
  std::string out = fmt::format(
      "<figure>\n<figcaption><h3 id=\"{0}\">{1}</h3></figcaption>\n"
      "<svg class=\"chart\" viewBox=\"0 0 {2:.0f} {3:.0f}\" role=\"img\" "
      "aria-labelledby=\"{0} {0}-text\">\n<desc id=\"{0}-text\">{4}</desc>\n{5}</svg>\n",
      escape(frame.id), escape(frame.title), frame.width, frame.height, escape(frame.description),
      svg);
  if (!legend.empty()) {
    out += "<ul class=\"legend\">";
    for (const LegendEntry& entry : legend) {
      out += fmt::format("<li><svg viewBox=\"0 0 26 12\" aria-hidden=\"true\">{}</svg>{}</li>",
                         entry.svg, escape(entry.name));
    }
    out += "</ul>\n";
  }
  return out + "</figure>\n";
}

}  // namespace metaplastic
