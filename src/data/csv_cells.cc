#include "data/csv_cells.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

namespace metaplastic {
namespace {

constexpr std::array<std::string_view, 12> kMissingWords = {
    "na", "n/a", "nan", "null", "none", "#n/a", "#na", "<na>", "-nan", "nil", "<null>", "#n/a n/a"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

// Takes `part` off the front, or off the back, of the text.
bool take_front(std::string_view& text, std::string_view part) {
  if (!text.starts_with(part)) return false;
  text.remove_prefix(part.size());
  return true;
}
bool take_back(std::string_view& text, std::string_view part) {
  if (!text.ends_with(part)) return false;
  text.remove_suffix(part.size());
  return true;
}

std::size_t count_digits(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) -
                                  text.begin());
}

// Between groups of digits: comma, point, apostrophes, underscore, blank, and the no-break, narrow
// no-break and thin spaces.
constexpr std::array<std::string_view, 9> kGroupSigns = {
    ",", ".", "'", "\xe2\x80\x99", "_", " ", "\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x89"};

// Digits in groups, and perhaps a fraction: 1'234.5
bool is_grouped_number(std::string_view text) {
  const std::size_t first = count_digits(text);
  if (first == 0) return false;
  text.remove_prefix(first);
  for (const std::string_view sign : kGroupSigns) {
    std::string_view rest = text;
    std::size_t num_groups = 0;
    while (first <= 3 && rest.starts_with(sign)) {
      const std::size_t digits = count_digits(rest.substr(sign.size()));
      if (digits != 3 && digits != 2) break;
      rest.remove_prefix(sign.size() + digits);
      ++num_groups;
    }
    if (num_groups == 0) continue;
    if (rest.empty()) return true;
    if (take_front(rest, ".") || take_front(rest, ",")) return count_digits(rest) == rest.size();
  }
  if (take_front(text, ".") || take_front(text, ",")) return count_digits(text) == text.size();
  return text.empty();
}

// [+-]N,NNN with a first digit other than 0.
bool is_one_group_of_thousands(std::string_view text, char sign) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const std::size_t first = count_digits(text);
  return first >= 1 && first <= 3 && text[0] != '0' && text.size() == first + 4 &&
         text[first] == sign && count_digits(text.substr(first + 1)) == 3;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_missing(std::string_view trimmed) {
  if (trimmed.empty() || trimmed == "?") return true;
  if (trimmed.size() > 8 || is_digit(trimmed[0])) return false;
  return std::ranges::find(kMissingWords, lower_ascii(trimmed)) != kMissingWords.end();
}

std::optional<double> parse_double(std::string_view trimmed) {
  if (trimmed.size() > 1 && trimmed[0] == '+' && trimmed[1] != '-') trimmed.remove_prefix(1);
  double value = 0;
  const char* end = trimmed.data() + trimmed.size();
  const auto [rest, code] = std::from_chars(trimmed.data(), end, value);
  if (trimmed.empty() || code != std::errc{} || rest != end) return std::nullopt;
  if (!std::isfinite(static_cast<float>(value))) return std::nullopt;
  return value;
}

std::optional<float> parse_float(std::string_view trimmed) {
  // Through double, so that the tiniest numbers round to 0 like everywhere else.
  const std::optional<double> value = parse_double(trimmed);
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

std::optional<double> parse_number(std::string_view trimmed, Decimal decimal) {
  if (decimal == Decimal::kPoint) return parse_double(trimmed);
  if (trimmed.find('.') != trimmed.npos) return std::nullopt;
  const std::size_t comma = trimmed.find(',');
  if (comma == trimmed.npos) return parse_double(trimmed);
  std::string text(trimmed);
  text[comma] = '.';
  return parse_double(text);
}

DecimalHint decimal_hint(std::string_view trimmed) {
  const std::size_t sign = trimmed.find_first_of(",.");
  if (sign == trimmed.npos) return DecimalHint::kNone;
  const bool comma = trimmed[sign] == ',';
  if (!parse_number(trimmed, comma ? Decimal::kComma : Decimal::kPoint)) return DecimalHint::kNone;
  if (is_one_group_of_thousands(trimmed, trimmed[sign])) {
    return comma ? DecimalHint::kEitherComma : DecimalHint::kEitherPoint;
  }
  return comma ? DecimalHint::kComma : DecimalHint::kPoint;
}

bool is_written_for_people(std::string_view text) {
  if (take_front(text, "(")) {
    if (!take_back(text, ")")) return false;
  } else if (!take_front(text, "-")) {
    take_front(text, "+");
  }
  const std::string lower = lower_ascii(text);
  if (lower == "inf" || lower == "infinity") return true;
  double value = 0;  // beyond the range of float, or of double
  const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!text.empty() && is_digit(text[0]) && rest == text.data() + text.size()) return true;
  for (const std::string_view sign : {"$", "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5", "%"}) {
    if (take_front(text, sign) || take_back(text, sign)) break;
  }
  while (take_back(text, "\xc2\xa0") || take_front(text, "\xc2\xa0")) continue;
  return is_grouped_number(trim(text));
}

}  // namespace metaplastic
