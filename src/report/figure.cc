#include "report/figure.h"

#include <fmt/format.h>

#include "report/html.h"

namespace metaplastic {
namespace {

// JSON inside a <script> element: nothing in it may look like markup.
std::string script_json(const nlohmann::json& value) {
  const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  std::string out;
  for (const char c : text) {
    if (c == '<' || c == '>' || c == '&') {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string figure_html(const Figure& figure) {
  // The description is the drawing's own label, too; here it serves readers without a script.
  return fmt::format(
      "<figure>\n<figcaption><h3 id=\"{0}\">{1}</h3></figcaption>\n"
      "<div class=\"plot\" id=\"{0}-plot\"><noscript>{2}</noscript></div>\n"
      "<script type=\"application/json\" data-plot=\"{0}-plot\">{3}</script>\n</figure>\n",
      escape(figure.id), escape(figure.title), escape(figure.description),
      script_json(figure.spec));
}

}  // namespace metaplastic
