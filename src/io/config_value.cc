#include "io/config_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"

namespace metaplastic::config_detail {
namespace {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
using ElementOf = typename T::value_type;

std::string show_range(const Range& range) {
  return fmt::format("[{}, {}]", range.low, range.high);
}

// Unlike std::stod: no locale, no exception for subnormal numbers.
double parse_decimal(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Shortest decimal that reads back to the same bits, marked as a float for TOML.
template <class T>
std::string float_text(T value) {
  std::string text = fmt::format("{}", value);
  // Rounding decimal -> double -> float could differ from decimal -> float in the last bit.
  if (static_cast<T>(parse_decimal(text)) != value) text = fmt::format("{}", double{value});
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

// Foreign values in error lines. Lists and sections are not written out: they may be huge or
// nested beyond the stack.
std::string show(const nlohmann::json& value) {
  if (value.is_string()) return quote_text(value.get_ref<const std::string&>());
  if (value.is_array()) return fmt::format("a list of {}", value.size());
  if (value.is_object()) return "a section";
  // JSON has no word for nan and inf, and 1.0 must not look like an integer.
  if (value.is_number_float()) return float_text(value.get<double>());
  return value.dump();
}

template <class T>
const char* kind_of() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, std::string>) return "a string";
  if constexpr (std::is_floating_point_v<T>) return "a number";
  if constexpr (std::is_integral_v<T>) return "an integer";
  if constexpr (IsVector<T>::value) {
    if constexpr (std::is_same_v<ElementOf<T>, std::string>) return "a list of strings";
    if constexpr (std::is_floating_point_v<ElementOf<T>>) return "a list of numbers";
    if constexpr (std::is_integral_v<ElementOf<T>>) return "a list of integers";
  }
}

[[noreturn]] void fail_value(const Option& option, const nlohmann::json& value,
                             const std::string& where) {
  std::string hint;
  if (value.is_string() && !option.choices.empty()) {
    hint = did_you_mean(value.get_ref<const std::string&>(), option.choices);
  }
  fail("{}: {}: expected {}, found {}{}", where, option.name, describe_expected(option),
       show(value), hint);
}

// Reads one number or word; false when it is of the wrong type or outside the type's own range.
bool read_scalar(const nlohmann::json& value, bool& result) {
  if (!value.is_boolean()) return false;
  result = value.get<bool>();
  return true;
}

bool read_scalar(const nlohmann::json& value, std::string& result) {
  if (!value.is_string()) return false;
  result = value.get<std::string>();
  return true;
}

template <class T>
requires std::is_integral_v<T>
bool read_scalar(const nlohmann::json& value, T& result) {
  if (value.is_string() && std::is_same_v<T, std::uint64_t>) {
    // TOML has no integers above 2^63 - 1: there they are written as strings.
    const auto& text = value.get_ref<const std::string&>();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
    return error == std::errc() && end == text.data() + text.size();
  }
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (!std::in_range<T>(number)) return false;
    result = static_cast<T>(number);
  } else {
    const auto number = value.get<std::int64_t>();
    if (!std::in_range<T>(number)) return false;
    result = static_cast<T>(number);
  }
  return true;
}

template <class T>
requires std::is_floating_point_v<T>
bool read_scalar(const nlohmann::json& value, T& result) {
  if (!value.is_number()) return false;
  const auto number = value.get<double>();
  if (!(std::abs(number) <= double{std::numeric_limits<T>::max()})) return false;
  result = static_cast<T>(number);
  return true;
}

// The bounds hold for the number as written: 0.1 is within [0.1, 1] although 0.1f is above 0.1.
bool within(const nlohmann::json& value, const Range& range) {
  long double number = value.get<double>();
  if (value.is_number_unsigned()) {
    number = static_cast<long double>(value.get<std::uint64_t>());
  } else if (value.is_number_integer()) {
    number = static_cast<long double>(value.get<std::int64_t>());
  }
  return number >= range.low && number <= range.high;
}

template <class T>
T read_checked(const Option& option, const nlohmann::json& value, const std::string& where) {
  T result{};
  bool valid = read_scalar(value, result);
  if constexpr (std::is_same_v<T, std::string>) {
    if (valid && !option.choices.empty()) {
      valid =
          std::find(option.choices.begin(), option.choices.end(), result) != option.choices.end();
    }
  } else if (valid && option.range) {
    valid = within(value.is_string() ? nlohmann::json(result) : value, *option.range);
  }
  if (!valid) fail_value(option, value, where);
  return result;
}

// A TOML basic string; the same escapes are valid in JSON.
std::string string_text(const std::string& value) {
  std::string text = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\u{:04x}", byte);
    } else {
      text += c;
    }
  }
  return text + "\"";
}

template <class T>
std::string scalar_text(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return string_text(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return float_text(value);
  } else {
    const std::string digits = fmt::format("{}", value);
    return std::in_range<std::int64_t>(value) ? digits : "\"" + digits + "\"";
  }
}

template <class T>
nlohmann::json scalar_json(const T& value) {
  if constexpr (std::is_same_v<T, float>) {
    return std::isfinite(value) ? parse_decimal(float_text(value)) : double{value};
  } else {
    return value;
  }
}

}  // namespace

void set_option(Option& option, const nlohmann::json& value, const std::string& where) {
  std::visit(
      [&](auto* target) {
        using T = std::remove_pointer_t<decltype(target)>;
        if constexpr (IsVector<T>::value) {
          if (!value.is_array()) fail_value(option, value, where);
          T list;
          list.reserve(value.size());
          for (const nlohmann::json& element : value) {
            list.push_back(read_checked<ElementOf<T>>(option, element, where));
          }
          *target = std::move(list);
        } else {
          *target = read_checked<T>(option, value, where);
        }
      },
      option.target);
}

nlohmann::json value_to_json(const Option& option) {
  return std::visit(
      [](const auto* target) {
        using T = std::remove_cv_t<std::remove_pointer_t<decltype(target)>>;
        if constexpr (IsVector<T>::value) {
          nlohmann::json list = nlohmann::json::array();
          for (const auto& element : *target) list.push_back(scalar_json(element));
          return list;
        } else {
          return scalar_json(*target);
        }
      },
      option.target);
}

std::string value_to_toml(const Option& option) {
  return std::visit(
      [](const auto* target) {
        using T = std::remove_cv_t<std::remove_pointer_t<decltype(target)>>;
        if constexpr (IsVector<T>::value) {
          std::vector<std::string> words;
          for (const auto& element : *target) words.push_back(scalar_text(element));
          return fmt::format("[{}]", fmt::join(words, ", "));
        } else {
          return scalar_text(*target);
        }
      },
      option.target);
}

std::string describe_expected(const Option& option) {
  const std::string kind = std::visit(
      [](const auto* target) {
        return std::string(kind_of<std::remove_cv_t<std::remove_pointer_t<decltype(target)>>>());
      },
      option.target);
  if (!option.choices.empty()) {
    return (is_list(option) ? "a list of: " : "one of ") + join_names(option.choices);
  }
  return option.range ? kind + " in " + show_range(*option.range) : kind;
}

std::string describe_range(const Option& option) {
  if (!option.choices.empty()) return join_names(option.choices);
  return option.range ? show_range(*option.range) : "";
}

bool is_list(const Option& option) {
  return std::visit(
      [](const auto* target) {
        return IsVector<std::remove_cv_t<std::remove_pointer_t<decltype(target)>>>::value;
      },
      option.target);
}

bool is_text(const Option& option) {
  return std::holds_alternative<std::string*>(option.target) ||
         std::holds_alternative<std::vector<std::string>*>(option.target);
}

}  // namespace metaplastic::config_detail
