// Small pieces of HTML. Whatever comes from a file or the shell passes through escape(); the rest
// of the markup is written so that an XML parser reads it too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace metaplastic {

// Text as HTML text or attribute value. Control characters and bytes that are no UTF-8 become
// U+FFFD.
std::string escape(std::string_view text);

// "0.713"; "none" where the value is not finite.
std::string fixed(double value, int decimals);
// "0.713 +- 0.004" with a real plus-minus sign and a no-break space after it; without an error
// where it is not finite.
std::string with_error(double value, double error, int decimals);
// "200,000".
std::string grouped(std::int64_t value);
// "48 s", "12 min", "3.4 h".
std::string duration(double seconds);

// Cells are plain text; they are escaped here. The first column holds the names of the rows, the
// others are numbers, set to the right, unless text_columns says otherwise.
struct Table {
  std::string caption;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> text_columns;
};
// In a box that scrolls sideways, by keyboard too, where the screen is narrow.
std::string table_html(const Table& table);
// The same behind a summary line that opens it.
std::string folded_table_html(const std::string& summary, const Table& table);

}  // namespace metaplastic
