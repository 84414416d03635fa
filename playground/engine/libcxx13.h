// What Debian 12's emscripten lacks of C++20: its standard library is libc++ 13. Included before
// every source of the engine; a newer library skips it.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

// Random123 refuses processors that nobody reported to its authors. Its portable code is the same
// for all of them, and the test compares what comes of it with the native program.
#define __riscv 1
#include <Random123/philox.h>
#undef __riscv

#if defined(_LIBCPP_VERSION) && _LIBCPP_VERSION < 15000

// The standard reserves its namespace; nothing else gives the shared sources the names they use.
namespace std {

template <class To, class From>
To bit_cast(const From& from) noexcept {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
}

// Decimal text alone, as in all files of the project; the longest prefix that is a number.
template <class Real, enable_if_t<is_floating_point_v<Real>, int> = 0>
from_chars_result from_chars(const char* first, const char* last, Real& value) {
  const char* const digits = first != last && *first == '-' ? first + 1 : first;
  const bool starts =
      digits != last && ((*digits >= '0' && *digits <= '9') || *digits == '.' || *digits == 'i' ||
                         *digits == 'n' || *digits == 'I' || *digits == 'N');
  const bool is_hex =
      last - digits > 1 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
  if (!starts) return {first, errc::invalid_argument};
  const string text(first, is_hex ? digits + 1 : last);
  char* end = nullptr;
  const double parsed = strtod(text.c_str(), &end);
  if (end == text.c_str()) return {first, errc::invalid_argument};
  const auto rest = first + (end - text.c_str());
  const bool is_infinite =
      parsed - parsed != 0 && *digits != 'i' && *digits != 'I' && *digits != 'n' && *digits != 'N';
  if (is_infinite) return {rest, errc::result_out_of_range};
  value = static_cast<Real>(parsed);
  return {rest, errc{}};
}

namespace ranges {

struct projected_by_itself {
  template <class T>
  T&& operator()(T&& value) const {
    return std::forward<T>(value);
  }
};

template <class Range, class Value, class Project = projected_by_itself>
auto find(Range&& range, const Value& value, Project project = {}) {
  return std::find_if(std::begin(range), std::end(range),
                      [&](auto&& item) { return std::invoke(project, item) == value; });
}

template <class Range, class Test, class Project = projected_by_itself>
auto find_if(Range&& range, Test test, Project project = {}) {
  return std::find_if(std::begin(range), std::end(range), [&](auto&& item) {
    return static_cast<bool>(std::invoke(test, std::invoke(project, item)));
  });
}

template <class Range, class Test, class Project = projected_by_itself>
bool any_of(Range&& range, Test test, Project project = {}) {
  return ranges::find_if(range, test, project) != std::end(range);
}

template <class Range, class Test, class Project = projected_by_itself>
bool none_of(Range&& range, Test test, Project project = {}) {
  return !ranges::any_of(range, test, project);
}

template <class Range, class Test, class Project = projected_by_itself>
bool all_of(Range&& range, Test test, Project project = {}) {
  return !ranges::any_of(
      range, [&](auto&& item) { return !std::invoke(test, item); }, project);
}

template <class Range, class Test>
auto count_if(Range&& range, Test test) {
  return std::count_if(std::begin(range), std::end(range),
                       [&](auto&& item) { return static_cast<bool>(std::invoke(test, item)); });
}

template <class Range, class Value>
auto count(Range&& range, const Value& value) {
  return std::count(std::begin(range), std::end(range), value);
}

template <class Range, class Less = std::less<>, class Project = projected_by_itself>
void sort(Range&& range, Less less = {}, Project project = {}) {
  std::sort(std::begin(range), std::end(range), [&](const auto& a, const auto& b) {
    return std::invoke(less, std::invoke(project, a), std::invoke(project, b));
  });
}

template <class Range, class Less = std::less<>, class Project = projected_by_itself>
void stable_sort(Range&& range, Less less = {}, Project project = {}) {
  std::stable_sort(std::begin(range), std::end(range), [&](const auto& a, const auto& b) {
    return std::invoke(less, std::invoke(project, a), std::invoke(project, b));
  });
}

template <class Range>
bool is_sorted(Range&& range) {
  return std::is_sorted(std::begin(range), std::end(range));
}

template <class Range, class Less = std::less<>, class Project = projected_by_itself>
auto max_element(Range&& range, Less less = {}, Project project = {}) {
  return std::max_element(std::begin(range), std::end(range), [&](const auto& a, const auto& b) {
    return std::invoke(less, std::invoke(project, a), std::invoke(project, b));
  });
}

template <class Range, class Less = std::less<>, class Project = projected_by_itself>
auto min_element(Range&& range, Less less = {}, Project project = {}) {
  return std::min_element(std::begin(range), std::end(range), [&](const auto& a, const auto& b) {
    return std::invoke(less, std::invoke(project, a), std::invoke(project, b));
  });
}

template <class T>
struct minmax_result {
  T min, max;
};

template <class Range>
auto minmax(Range&& range) {
  const auto [low, high] = std::minmax_element(std::begin(range), std::end(range));
  return minmax_result<std::decay_t<decltype(*low)>>{*low, *high};
}

template <class Range>
auto max(Range&& range) {
  return *std::max_element(std::begin(range), std::end(range));
}

template <class Range, class Out>
auto copy(Range&& range, Out out) {
  return std::copy(std::begin(range), std::end(range), out);
}

template <class Range, class Out, class Test>
auto copy_if(Range&& range, Out out, Test test) {
  return std::copy_if(std::begin(range), std::end(range), out, test);
}

template <class Range, class Out, class Change>
auto transform(Range&& range, Out out, Change change) {
  return std::transform(std::begin(range), std::end(range), out, change);
}

template <class Range, class Value>
auto lower_bound(Range&& range, const Value& value) {
  return std::lower_bound(std::begin(range), std::end(range), value);
}

template <class Range, class Out>
auto move(Range&& range, Out out) {
  return std::move(std::begin(range), std::end(range), out);
}

template <class Range, class Value>
void fill(Range&& range, const Value& value) {
  std::fill(std::begin(range), std::end(range), value);
}

template <class Range>
void reverse(Range&& range) {
  std::reverse(std::begin(range), std::end(range));
}

template <class A, class B>
bool equal(A&& a, B&& b) {
  return std::equal(std::begin(a), std::end(a), std::begin(b), std::end(b));
}

}  // namespace ranges
}  // namespace std

#endif
