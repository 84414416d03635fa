#include "base/text.h"

#include <fmt/format.h>

namespace metaplastic {

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string result;
  for (const char c : text.substr(0, max_bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      result += c;
    } else {
      result += fmt::format("\\x{:02x}", byte);
    }
  }
  if (text.size() > max_bytes) result += "...";
  return result;
}

std::string quote_text(std::string_view text, std::size_t max_bytes) {
  return fmt::format("'{}'", printable(text, max_bytes));
}

}  // namespace metaplastic
