// Delimited text as RFC 4180 has it: quoted fields may hold delimiters, line ends and doubled
// quotes. The delimiter is found out here too, and what stands around the records is passed over:
// a byte order mark, Excel's line "sep=;", lines that begin with #, and blank lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace metaplastic {

class CsvReader {
 public:
  static constexpr std::size_t kMaxColumns = 1'000'000;
  static constexpr char kBlank = ' ';  // as delimiter: any run of spaces and tabs

  // `source` starts error lines. delimiter 0: what a first line "sep=;" says, else the first of
  // tab, semicolon, comma, bar, blank that divides the first lines into equally many fields (bar
  // and blank only where most of these are numbers). Throws Error for zero bytes and for UTF-16.
  CsvReader(std::string text, std::string source, char delimiter = 0);

  // Reads the next record; false at the end. Throws Error for an open quote, for text after a
  // closing quote or before an opening one, and for a stray carriage return.
  bool next(std::vector<std::string>& fields);
  void rewind();
  // Records have this many fields from now on: a line that begins with # and has another number is
  // a comment. In a file of one column a blank line between others is a record with an empty field.
  void set_num_fields(std::size_t count) { num_fields_ = count; }

  // Line, from 1, where the last record began.
  std::int64_t line() const { return record_line_; }
  char delimiter() const { return delimiter_; }
  const std::string& source() const { return source_; }
  // Records follow a line with one field less, as R writes a table with row names.
  bool short_header() const { return short_header_; }
  // Passed over since the last rewind.
  std::int64_t num_comments() const { return num_comments_; }
  std::int64_t num_blank_lines() const { return num_blank_lines_; }
  // The text of the last line with # before the first record, without the #; "" if none.
  const std::string& last_comment() const { return last_comment_; }
  // The fields of one line by the same delimiter; none where quotes make no sense.
  std::vector<std::string> split(std::string_view line) const;

 private:
  CsvReader() = default;
  void skip_top();
  bool skip_blank_line();
  bool skip_comment();
  std::string_view current_line() const;
  void skip_line();
  void skip_blanks();
  void read_record(std::vector<std::string>& fields);
  void read_quoted(std::string& field);
  void read_plain(std::string& field);
  bool ends_field(char c) const;

  char find_delimiter();
  bool is_one_comma_column();
  struct Trial {
    bool even = false;          // every record has as many fields
    bool short_header = false;  // all but the first, which has one less
    std::size_t num_fields = 0;
    double number_share = 0;  // of the fields after the first record
  };
  Trial try_delimiter(char delimiter);

  std::string text_;
  std::string source_;
  char delimiter_ = 0;
  bool short_header_ = false;
  std::size_t num_fields_ = 0;  // 0: not known yet
  std::size_t begin_ = 0, end_ = 0, position_ = 0;
  std::int64_t first_line_ = 1, top_comments_ = 0;
  std::int64_t line_ = 1, record_line_ = 0;
  std::int64_t num_comments_ = 0, num_blank_lines_ = 0;
  std::string last_comment_;
};

}  // namespace metaplastic
