#include "base/natural_order.h"

#include <algorithm>

namespace metaplastic {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The digits at the front without leading zeros; `text` goes on behind them.
std::string_view take_number(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto first = std::find_if(text.begin(), end, [](char c) { return c != '0'; });
  const std::string_view number = text.substr(static_cast<std::size_t>(first - text.begin()),
                                              static_cast<std::size_t>(end - first));
  text.remove_prefix(static_cast<std::size_t>(end - text.begin()));
  return number;
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a, whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const std::string_view left = take_number(a), right = take_number(b);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
      continue;
    }
    if (a[0] != b[0]) return static_cast<unsigned char>(a[0]) < static_cast<unsigned char>(b[0]);
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;
}

}  // namespace metaplastic
