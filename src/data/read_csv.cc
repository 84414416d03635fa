#include "data/read_csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace metaplastic {
namespace {

constexpr int kLinesToDetect = 20;

std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_missing(std::string_view trimmed) {
  if (trimmed.empty() || trimmed == "?") return true;
  if (trimmed.size() > 4) return false;
  const std::string lower = lower_ascii(trimmed);
  return lower == "na" || lower == "n/a" || lower == "nan" || lower == "null" || lower == "none";
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

CsvReader::CsvReader(std::string text, std::string source, char delimiter)
    : text_(std::move(text)), source_(std::move(source)), delimiter_(delimiter) {
  const std::string_view start = std::string_view(text_).substr(0, 3);
  if (start.starts_with("\xff\xfe") || start.starts_with("\xfe\xff")) {
    fail("{}: expected UTF-8 text, found UTF-16; save it as UTF-8", source_);
  }
  const std::size_t zero = text_.find('\0');
  if (zero != std::string::npos) {
    fail("{}: expected text, found a zero byte at byte {}; is it a binary file?", source_, zero);
  }
  begin_ = start == "\xef\xbb\xbf" ? 3 : 0;
  rewind();
  if (delimiter_ == 0) delimiter_ = find_delimiter();
  rewind();
}

void CsvReader::rewind() {
  position_ = begin_;
  line_ = 1;
  record_line_ = 0;
}

char CsvReader::find_delimiter() {
  for (const char candidate : {'\t', ';', ','}) {
    rewind();
    delimiter_ = candidate;
    std::vector<std::string> fields;
    std::size_t num_fields = 0;
    bool same = true;
    try {
      for (int n = 0; n < kLinesToDetect && same && next(fields); ++n) {
        same = n == 0 || fields.size() == num_fields;
        num_fields = fields.size();
      }
    } catch (const Error&) {
      same = false;  // quotes make no sense with this delimiter
    }
    if (same && num_fields > 1) return candidate;
  }
  // One column, or uneven rows that the caller will report: the delimiter of the first line.
  const std::string_view text = std::string_view(text_).substr(begin_);
  const std::string_view line = text.substr(0, text.find('\n'));
  for (const char candidate : {'\t', ';'}) {
    if (line.find(candidate) != line.npos && line.find(',') == line.npos) return candidate;
  }
  return ',';
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
  if (position_ < text_.size()) {
    const char c = text_[position_];
    if (c != delimiter_ && c != '\n' && c != '\r') {
      fail(
          "{}: expected a delimiter after the closing quote in line {}, found {}; double the "
          "quotes "
          "inside a field",
          source_, line_, quote_text(std::string_view(&c, 1)));
    }
  }
}

void CsvReader::read_plain(std::string& field) {
  const std::size_t begin = position_;
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == delimiter_ || c == '\n' || c == '\r') break;
    if (c == '"') {
      fail(
          "{}: expected quotes around the whole field in line {}, found one inside; quote the "
          "field "
          "and double its quotes",
          source_, line_);
    }
    ++position_;
  }
  field.assign(text_, begin, position_ - begin);
}

bool CsvReader::next(std::vector<std::string>& fields) {
  for (; position_ < text_.size(); ++position_) {
    // Blank lines are no records.
    if (text_[position_] == '\n') {
      ++line_;
    } else if (text_[position_] != '\r' || position_ + 1 == text_.size() ||
               text_[position_ + 1] != '\n') {
      break;
    }
  }
  if (position_ == text_.size()) return false;
  record_line_ = line_;
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
    if (position_ == text_.size() || text_[position_] != delimiter_) break;
    ++position_;
  }
  fields.resize(count);
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
