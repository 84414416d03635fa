#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace metaplastic {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Bytes of the well-formed UTF-8 character at the start of `text` (Unicode, table 3-7), 0 for none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t n) { return static_cast<unsigned char>(text[n]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t n = 1; n < length; ++n) {
    if ((byte(n) & 0xC0) != 0x80) return 0;
  }
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
      (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) {
    return 0;
  }
  return length;
}

// C0 and C1 controls and the two non-characters have no place in a page.
bool is_forbidden(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (first < 0x20) return character[0] != '\t' && character[0] != '\n';
  if (first == 0x7F) return true;
  if (first == 0xC2) return static_cast<unsigned char>(character[1]) < 0xA0;
  return character == "\xEF\xBF\xBE" || character == "\xEF\xBF\xBF";
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    text.remove_prefix(character.size());
    if (length == 0 || is_forbidden(character)) {
      out += kReplacement;
    } else if (character == "&") {
      out += "&amp;";
    } else if (character == "<") {
      out += "&lt;";
    } else if (character == ">") {
      out += "&gt;";
    } else if (character == "\"") {
      out += "&quot;";
    } else if (character == "'") {
      out += "&#39;";
    } else {
      out += character;
    }
  }
  return out;
}

std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "none";
  // Beyond this a fixed notation only adds digits.
  if (std::abs(value) >= 1e7) return fmt::format("{:.3g}", value);
  std::string text = fmt::format("{:.{}f}", value, decimals);
  // What rounds to zero has no sign.
  if (text[0] == '-' && text.find_first_not_of("-0.") == text.npos) text.erase(0, 1);
  return text;
}

std::string with_error(double value, double error, int decimals) {
  if (!std::isfinite(value) || !std::isfinite(error)) return fixed(value, decimals);
  return fixed(value, decimals) + " \u00B1\u00A0" + fixed(error, decimals);
}

std::string grouped(std::int64_t value) {
  std::string digits = fmt::format("{}", value);
  for (auto n = static_cast<std::int64_t>(digits.size()) - 3; n > (value < 0 ? 1 : 0); n -= 3) {
    digits.insert(static_cast<std::size_t>(n), ",");
  }
  return digits;
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return "none";
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  if (seconds < 100 * 60) return fmt::format("{:.0f} min", seconds / 60);
  return fixed(seconds / 3600, 1) + " h";
}

std::string table_html(const Table& table) {
  const auto css = [&](std::size_t column) -> std::string {
    const bool is_text = column == 0 || std::ranges::count(table.text_columns, column) > 0;
    return is_text ? "" : " class=\"number\"";
  };
  std::string out = fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\"><table{1}>"
      "<caption>{0}</caption>\n<thead><tr>",
      escape(table.caption), table.text_columns.empty() ? "" : " class=\"with-text\"");
  for (std::size_t c = 0; c < table.head.size(); ++c) {
    out += fmt::format("<th scope=\"col\"{}>{}</th>", css(c), escape(table.head[c]));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    out += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool is_name = c == 0;
      out += fmt::format("<{0}{1}>{2}</{3}>", is_name ? "th scope=\"row\"" : "td", css(c),
                         escape(row[c]), is_name ? "th" : "td");
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string folded_table_html(const std::string& summary, const Table& table) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape(summary),
                     table_html(table));
}

}  // namespace metaplastic
