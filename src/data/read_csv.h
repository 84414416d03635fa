// Delimited text as RFC 4180 has it: quoted fields may hold delimiters, line ends and doubled
// quotes. Also found out here: the delimiter, and what is a number in every locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metaplastic {

class CsvReader {
 public:
  static constexpr std::size_t kMaxColumns = 1'000'000;

  // `source` starts error lines. delimiter 0: the first of tab, semicolon, comma that occurs
  // equally often (and at all) in each of the first lines. A UTF-8 byte order mark is skipped.
  // Throws Error for zero bytes and for UTF-16.
  CsvReader(std::string text, std::string source, char delimiter = 0);

  // Reads the next record that is no blank line; false at the end. Throws Error for an open quote,
  // for text after a closing quote or before an opening one, and for a stray carriage return.
  bool next(std::vector<std::string>& fields);
  void rewind();
  // Line, from 1, where the last record began.
  std::int64_t line() const { return record_line_; }
  char delimiter() const { return delimiter_; }
  const std::string& source() const { return source_; }

 private:
  void read_quoted(std::string& field);
  void read_plain(std::string& field);
  char find_delimiter();

  std::string text_;
  std::string source_;
  char delimiter_;
  std::size_t begin_ = 0, position_ = 0;
  std::int64_t line_ = 1, record_line_ = 0;
};

// Without spaces and tabs at both ends.
std::string_view trim(std::string_view text);
// "", NA, N/A, NaN, null, None and ?, in either case.
bool is_missing(std::string_view trimmed);
// A finite decimal number, "." as the decimal point, in the range of float; else nothing.
std::optional<float> parse_float(std::string_view trimmed);
// The same with all its digits.
std::optional<double> parse_double(std::string_view trimmed);

}  // namespace metaplastic
