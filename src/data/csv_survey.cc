#include "data/csv_survey.h"

#include <algorithm>

namespace metaplastic {
namespace {

// What people write where a value is missing, beside what is_missing knows.
bool marks_a_gap(std::string_view text) {
  for (const std::string_view mark :
       {"-", "--", ".", "..", "*", "x", "X", "n.a.", "missing", "unknown", "#DIV/0!", "#VALUE!",
        "#REF!", "#NUM!", "#NAME?", "#NULL!"}) {
    if (text == mark) return true;
  }
  return false;
}

}  // namespace

void ColumnSurvey::add(std::string_view text, std::int64_t row, std::int64_t line,
                       bool keep_values) {
  if (is_missing(text)) {
    ++num_missing;
    counts_rows = false;
    return;
  }
  ++num_filled;
  if (keep_values && values.size() <= kMaxCategories) values.emplace(text);
  const std::optional<double> point = parse_number(text, Decimal::kPoint);
  const std::optional<double> comma = parse_number(text, Decimal::kComma);
  if (row == 0) first_count = point.value_or(-1);
  counts_rows = counts_rows && point && (first_count == 0 || first_count == 1) &&
                *point == first_count + static_cast<double>(row);
  if (point && comma) {
    ++num_numbers[0];
    ++num_numbers[1];
    return;
  }
  const bool written = point || comma || is_written_for_people(text);
  for (std::size_t style = 0; style < 2; ++style) {
    if (style == 0 ? point.has_value() : comma.has_value()) {
      ++num_numbers[style];
      continue;
    }
    num_written[style] += written ? 1 : 0;
    if (first_bad[style].line == 0) first_bad[style] = {line, std::string(text)};
  }
}

bool ColumnSurvey::is_of_numbers(Decimal decimal) const {
  const auto style = static_cast<std::size_t>(decimal);
  return num_filled == 0 || 2 * (num_numbers[style] + num_written[style]) >= num_filled;
}

void DecimalSurvey::add(std::string_view text) {
  const DecimalHint hint = decimal_hint(text);
  num_point_ += hint == DecimalHint::kPoint ? 1 : 0;
  num_comma_ += hint == DecimalHint::kComma ? 1 : 0;
}

std::string advice_on_cell(std::string_view text, Decimal decimal) {
  const DecimalHint hint = decimal_hint(text);
  if (decimal == Decimal::kPoint && hint == DecimalHint::kEitherComma) {
    return "remove a thousands separator, or give decimal=comma if it is a decimal sign";
  }
  if (decimal == Decimal::kPoint && hint == DecimalHint::kComma) {
    return "write decimals with a point, or all of them with a comma and give decimal=comma";
  }
  if (decimal == Decimal::kComma && hint != DecimalHint::kNone) {
    return "remove a thousands separator, or give decimal=point if decimals have a point";
  }
  if (is_written_for_people(text)) {
    return "write plain numbers: finite, without thousands separators, currency or percent signs";
  }
  if (marks_a_gap(text)) return "leave the cell empty and give missing=mean if no value is known";
  return "";
}

}  // namespace metaplastic
