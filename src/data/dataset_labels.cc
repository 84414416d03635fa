// Labels of any type become 0..num_classes-1, and kNoLabel where a row has none.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <type_traits>

#include "base/error.h"
#include "base/natural_order.h"
#include "base/text.h"
#include "data/csv_cells.h"
#include "data/dataset_parts.h"
#include "data/read_text.h"

namespace metaplastic {
namespace {

// Beyond this, whole numbers in doubles are no longer exact.
constexpr double kMaxWhole = 0x1p53;
// Fewer different numbers than this are classes, whatever they look like.
constexpr std::size_t kManyNumbers = 20;

bool is_whole(double value) { return std::abs(value) <= kMaxWhole && value == std::floor(value); }

std::string number_name(double value) {
  return is_whole(value) ? std::to_string(static_cast<std::int64_t>(value))
                         : fmt::format("{}", value);
}

// Why these labels cannot be classes, or "".
std::string unusable(std::size_t num_classes, std::size_t num_labelled, bool numbers, bool whole) {
  if (num_classes == 0)
    return "expected labels, found no row with one; name another column or file";
  const std::size_t rows_per_class = whole ? 3 : 10;
  if (numbers && num_classes > kManyNumbers && num_classes > num_labelled / rows_per_class) {
    return fmt::format(
        "expected class labels, found {} different numbers in {} rows, a regression target; name "
        "a column of classes, or put the numbers into bins",
        num_classes, num_labelled);
  }
  if (num_classes > kMaxClasses) {
    return fmt::format(
        "expected at most {} classes, found {} different labels; name a column of classes",
        kMaxClasses, num_classes);
  }
  return "";
}

// Numbers the labels by `classes` (value -> class); values that are not there are no labels.
template <class Value>
bool is_nan(const Value& value) {
  if constexpr (std::is_floating_point_v<Value>) return std::isnan(value);
  return false;
}

template <class Value>
void number_labels(Dataset& data, const std::vector<Value>& values,
                   const std::map<Value, int>& classes) {
  data.labels.reserve(values.size());
  for (const Value& value : values) {
    // No order has a place for NaN.
    const auto found = is_nan(value) ? classes.end() : classes.find(value);
    data.labels.push_back(found == classes.end() ? kNoLabel : found->second);
  }
  const std::int64_t num_without = std::ssize(values) - data.num_labelled();
  if (num_without == 0) return;
  data.notes.push_back(fmt::format("{} of {} rows have no label: learned from, never judged",
                                   num_without, values.size()));
}

void check_count(const Dataset& data, std::size_t num_labels, const std::string& source) {
  if (static_cast<std::int64_t>(num_labels) == data.num_rows()) return;
  fail("{}: expected {} labels, one per row, found {}; use labels of the same data", source,
       data.num_rows(), num_labels);
}

void note_minus_one(Dataset& data) {
  if (data.num_classes() != 1) return;
  data.notes.push_back(fmt::format(
      "the label -1 means no label, and {} is the only class; write 0 instead if -1 is a class",
      data.class_names[0]));
}

// Numbers as labels; spelling, where given, says how a value is written in the file.
template <class Value>
void set_numbers(Dataset& data, const std::vector<Value>& values, const std::string& source,
                 const std::map<Value, std::string>& spelling) {
  check_count(data, values.size(), source);
  std::map<Value, int> classes;
  std::size_t num_labelled = 0;
  bool whole = true;
  for (const Value value : values) {
    if constexpr (std::is_floating_point_v<Value>) {
      if (std::isnan(value)) continue;
      whole = whole && is_whole(value);
    }
    num_labelled += whole && value == -1 ? 0 : 1;
    classes.emplace(value, 0);
  }
  const bool minus_one = whole && classes.erase(-1) > 0;
  const std::string reason = unusable(classes.size(), num_labelled, true, whole);
  if (!reason.empty()) {
    data.unusable_labels = fmt::format("{}: {}", source, reason);
    return;
  }
  for (auto& [value, index] : classes) {
    index = data.num_classes();
    const auto written = spelling.find(value);
    if (written != spelling.end()) {
      data.class_names.push_back(written->second);
    } else if constexpr (std::is_floating_point_v<Value>) {
      data.class_names.push_back(number_name(value));
    } else {
      data.class_names.push_back(std::to_string(value));
    }
  }
  number_labels(data, values, classes);
  if (minus_one) note_minus_one(data);
}

}  // namespace

void set_labels(Dataset& data, const std::vector<std::int64_t>& values, const std::string& source) {
  set_numbers(data, values, source, {});
}

void set_labels(Dataset& data, const std::vector<double>& values, const std::string& source) {
  set_numbers(data, values, source, {});
}

void set_labels(Dataset& data, const std::vector<std::string>& values, const std::string& source) {
  check_count(data, values.size(), source);
  std::map<std::string, double> numbers;  // of every different name
  bool numeric = true;
  for (const std::string& name : values) {
    if (name.empty() || numbers.contains(name)) continue;
    const std::optional<double> number = parse_double(name);
    numeric = numeric && number;
    numbers.emplace(name, number.value_or(0));
    if (is_utf8(name)) continue;
    data.unusable_labels = fmt::format("{}: expected UTF-8 labels, found {}; save it as UTF-8",
                                       source, quote_text(name));
    return;
  }
  if (numeric && !numbers.empty()) {
    std::map<double, std::string> spelling;
    for (const auto& [name, number] : numbers) spelling.emplace(number, name);
    std::vector<double> parsed;
    for (const std::string& name : values) {
      parsed.push_back(name.empty() ? std::numeric_limits<double>::quiet_NaN() : numbers.at(name));
    }
    return set_numbers(data, parsed, source, spelling);
  }
  std::vector<std::string> order;
  for (const auto& [name, number] : numbers) order.push_back(name);
  std::ranges::sort(order, natural_less);
  std::map<std::string, int> classes;
  for (const std::string& name : order) classes.emplace(name, std::ssize(classes));
  const std::string reason = unusable(classes.size(), values.size(), false, false);
  if (!reason.empty()) {
    data.unusable_labels = fmt::format("{}: {}", source, reason);
    return;
  }
  number_labels(data, values, classes);
  data.class_names = std::move(order);
}

}  // namespace metaplastic
