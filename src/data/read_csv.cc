#include "data/read_csv.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "data/csv_cells.h"

namespace metaplastic {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_line_end(char c) { return c == '\n' || c == '\r'; }

}  // namespace

CsvReader::CsvReader(std::string text, std::string source, char delimiter)
    : text_(std::move(text)), source_(std::move(source)), delimiter_(delimiter) {
  skip_top();
  if (delimiter_ == 0) delimiter_ = find_delimiter();
  short_header_ = try_delimiter(delimiter_).short_header;
  rewind();
}

void CsvReader::rewind() {
  position_ = begin_;
  line_ = first_line_;
  record_line_ = 0;
  num_comments_ = top_comments_;
  num_blank_lines_ = 0;
}

std::vector<std::string> CsvReader::split(std::string_view line) const {
  CsvReader reader;
  reader.text_ = std::string(line);
  reader.source_ = source_;
  reader.delimiter_ = delimiter_;
  reader.end_ = line.size();
  std::vector<std::string> fields;
  try {
    reader.next(fields);
  } catch (const Error&) {
    fields.clear();
  }
  return fields;
}

bool CsvReader::ends_field(char c) const {
  return c == delimiter_ || is_line_end(c) || (delimiter_ == kBlank && c == '\t');
}

void CsvReader::skip_blanks() {
  while (position_ < text_.size() && is_blank(text_[position_])) ++position_;
}

std::string_view CsvReader::current_line() const {
  const std::string_view rest = std::string_view(text_).substr(position_);
  std::string_view line = rest.substr(0, rest.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void CsvReader::skip_line() {
  position_ = std::min(text_.find('\n', position_), text_.size());
  if (position_ == text_.size()) return;
  ++position_;
  ++line_;
}

void CsvReader::read_quoted(std::string& field) {
  const std::int64_t first_line = line_;
  ++position_;
  for (;;) {
    if (position_ == text_.size()) {
      fail(
          "{}: expected a closing quote for the field that opens in line {}, found the end; close "
          "the quote",
          source_, first_line);
    }
    const char c = text_[position_++];
    if (c == '\n') ++line_;
    if (c != '"') {
      field += c;
    } else if (position_ < text_.size() && text_[position_] == '"') {
      field += '"';
      ++position_;
    } else {
      break;
    }
  }
  if (position_ < text_.size() && !ends_field(text_[position_])) {
    fail(
        "{}: expected a delimiter after the closing quote in line {}, found {}; double the quotes "
        "inside a field",
        source_, line_, quote_text(std::string_view(&text_[position_], 1)));
  }
}

void CsvReader::read_plain(std::string& field) {
  const std::size_t begin = position_;
  while (position_ < text_.size() && !ends_field(text_[position_])) {
    if (text_[position_] == '"') {
      fail(
          "{}: expected quotes around the whole field in line {}, found one inside; quote the "
          "field and double its quotes",
          source_, line_);
    }
    ++position_;
  }
  field.assign(text_, begin, position_ - begin);
}

bool CsvReader::skip_blank_line() {
  const std::string_view line = current_line();
  // A line of tabs is a record of empty fields.
  if (delimiter_ == '\t' ? !line.empty() : !trim(line).empty()) return false;
  ++num_blank_lines_;
  skip_line();
  return true;
}

bool CsvReader::skip_comment() {
  if (text_[position_] != '#' || num_fields_ == 0) return false;
  if (num_fields_ > 1 && split(current_line()).size() == num_fields_) return false;
  ++num_comments_;
  skip_line();
  return true;
}

void CsvReader::read_record(std::vector<std::string>& fields) {
  std::size_t count = 0;
  for (;;) {
    if (count == kMaxColumns) {
      fail("{}: expected at most {} columns, found more in line {}; is the delimiter right?",
           source_, kMaxColumns, record_line_);
    }
    if (fields.size() == count) fields.emplace_back();
    std::string& field = fields[count++];
    field.clear();
    if (position_ < text_.size() && text_[position_] == '"') {
      read_quoted(field);
    } else {
      read_plain(field);
    }
    if (delimiter_ == kBlank) {
      skip_blanks();
      if (position_ == text_.size() || is_line_end(text_[position_])) break;
    } else {
      if (position_ == text_.size() || text_[position_] != delimiter_) break;
      ++position_;
    }
  }
  fields.resize(count);
}

bool CsvReader::next(std::vector<std::string>& fields) {
  for (;;) {
    if (position_ >= end_) return false;
    if (num_fields_ == 1 && current_line().empty()) break;  // an empty field between others
    if (!skip_blank_line() && !skip_comment()) break;
  }
  record_line_ = line_;
  if (delimiter_ == kBlank) skip_blanks();
  read_record(fields);
  if (position_ < text_.size() && text_[position_] == '\r') {
    if (++position_ < text_.size() && text_[position_] != '\n') {
      fail(
          "{}: expected a line feed after the carriage return in line {}, found none; save it with "
          "common line ends",
          source_, line_);
    }
  }
  if (position_ < text_.size()) {
    ++position_;
    ++line_;
  }
  return true;
}

}  // namespace metaplastic
