// What a cell of delimited text says: nothing, a number, or words; the same in every locale.
#pragma once

#include <optional>
#include <string_view>

namespace metaplastic {

// Without spaces and tabs at both ends.
std::string_view trim(std::string_view text);
// "", NA, N/A, NaN, null, None, ?, and how spreadsheets and pandas write them (#N/A, <NA>), in
// either case.
bool is_missing(std::string_view trimmed);
// A finite decimal number, "." as the decimal point, in the range of float; else nothing.
std::optional<float> parse_float(std::string_view trimmed);
// The same with all its digits.
std::optional<double> parse_double(std::string_view trimmed);

enum class Decimal { kPoint, kComma };
// The same with this decimal sign; the other sign makes it no number.
std::optional<double> parse_number(std::string_view trimmed, Decimal decimal);

// What a cell tells about the decimal sign of its file. 1,234 and 1.234 may be either style.
enum class DecimalHint { kNone, kPoint, kComma, kEitherPoint, kEitherComma };
DecimalHint decimal_hint(std::string_view trimmed);

// A number as written for people, which is not read: thousands separators, a sign of currency or
// percent, infinity, or more than a float holds.
bool is_written_for_people(std::string_view trimmed);

}  // namespace metaplastic
