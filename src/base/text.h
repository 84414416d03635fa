// Foreign text in error lines: always one line, always short.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace metaplastic {

// 'text' in single quotes: control characters and bytes that are no ASCII become \xNN, and text
// beyond max_bytes becomes "...". For names and values that come from files or the shell.
std::string quote_text(std::string_view text, std::size_t max_bytes = 80);

// The same without the quotes.
std::string printable(std::string_view text, std::size_t max_bytes = 80);

}  // namespace metaplastic
