#include "report/shell_word.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace metaplastic {

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain = "-_./=,:+@%";
  const auto is_plain = [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || kPlain.find(c) != kPlain.npos;
  };
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return word;
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace metaplastic
