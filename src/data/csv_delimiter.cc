// What stands before the records of delimited text, and which delimiter divides them.
#include <algorithm>

#include "base/error.h"
#include "data/csv_cells.h"
#include "data/read_csv.h"

namespace metaplastic {
namespace {

constexpr int kLinesToDetect = 20;
// Bars and blanks also stand inside words: as delimiters they must yield numbers.
constexpr double kMinNumberShare = 0.5;

}  // namespace

void CsvReader::skip_top() {
  const std::string_view start = std::string_view(text_).substr(0, 3);
  if (start.starts_with("\xff\xfe") || start.starts_with("\xfe\xff")) {
    fail("{}: expected UTF-8 text, found UTF-16; save it as UTF-8", source_);
  }
  const std::size_t zero = text_.find('\0');
  if (zero != std::string::npos) {
    const bool zip = start.starts_with("PK");
    fail("{}: expected text, found a zero byte at byte {}; {}", source_, zero,
         zip ? "save the workbook as CSV, or use npz: for NumPy's archives"
             : "is it a binary file?");
  }
  position_ = start == "\xef\xbb\xbf" ? 3 : 0;
  std::string_view line = trim(current_line());
  if (line.size() >= 2 && line.front() == '"' && line.back() == '"') {
    line = line.substr(1, line.size() - 2);
  }
  if (line.starts_with("sep=") || line.starts_with("SEP=")) {
    // "sep=" and a tab: the tab is trimmed.
    const char named = line.size() == 5 ? line[4] : line.size() == 4 ? '\t' : '\0';
    if (named != 0 && std::string_view("\t;,| ").find(named) != std::string_view::npos) {
      if (delimiter_ == 0) delimiter_ = named;
      skip_line();
    }
  }
  for (;;) {
    const std::string_view top = current_line();
    if (position_ == text_.size() || (!trim(top).empty() && top[0] != '#')) break;
    if (!top.empty() && top[0] == '#') {
      ++top_comments_;
      last_comment_ = std::string(top.substr(
          top.find_first_not_of('#') == top.npos ? top.size() : top.find_first_not_of('#')));
    }
    skip_line();
  }
  begin_ = position_;
  first_line_ = line_;
  end_ = text_.find_last_not_of("\r\n");
  end_ = end_ == std::string::npos ? begin_ : std::max(begin_, end_ + 1);
}

CsvReader::Trial CsvReader::try_delimiter(char delimiter) {
  delimiter_ = delimiter;
  rewind();
  Trial trial;
  std::vector<std::string> fields;
  std::vector<std::size_t> sizes;
  std::size_t num_numbers = 0, num_cells = 0;
  try {
    while (sizes.size() < kLinesToDetect && next(fields)) {
      const bool comment = fields[0].starts_with('#');
      if (comment && !sizes.empty() && fields.size() != sizes.back()) continue;
      sizes.push_back(fields.size());
      if (sizes.size() == 1) continue;
      num_cells += fields.size();
      num_numbers += static_cast<std::size_t>(std::ranges::count_if(fields, [](const auto& field) {
        const std::string_view text = trim(field);
        return parse_number(text, Decimal::kPoint) || parse_number(text, Decimal::kComma);
      }));
    }
  } catch (const Error&) {
    return trial;  // quotes make no sense with this delimiter
  }
  if (sizes.empty()) return trial;
  const std::size_t last = sizes.back();
  const bool rest_even =
      std::all_of(sizes.begin() + 1, sizes.end(), [&](std::size_t size) { return size == last; });
  trial.num_fields = last;
  trial.even = rest_even && sizes.front() == last;
  trial.short_header = rest_even && sizes.size() > 1 && last > 1 && sizes.front() + 1 == last;
  trial.number_share =
      num_cells == 0 ? 0 : static_cast<double>(num_numbers) / static_cast<double>(num_cells);
  return trial;
}

// One name, and below it digits around one comma.
bool CsvReader::is_one_comma_column() {
  delimiter_ = ';';
  rewind();
  std::vector<std::string> fields;
  bool only_commas = true;
  for (int n = 0; n < kLinesToDetect && next(fields); ++n) {
    const DecimalHint hint = decimal_hint(trim(fields[0]));
    const bool comma = hint == DecimalHint::kComma || hint == DecimalHint::kEitherComma;
    only_commas = only_commas && fields.size() == 1 && (n == 0 || comma);
  }
  return only_commas;
}

char CsvReader::find_delimiter() {
  // A delimiter that divides words as well, then those that must yield numbers: more of them than
  // the first one does.
  char found = 0;
  double number_share = 0;
  for (const char candidate : {'\t', ';', ','}) {
    const Trial trial = try_delimiter(candidate);
    if (found != 0 || !trial.even || trial.num_fields < 2) continue;
    found = candidate;
    number_share = trial.number_share;
  }
  for (const char candidate : {'|', kBlank}) {
    if (found != 0 && candidate == kBlank) continue;
    const Trial trial = try_delimiter(candidate);
    if (trial.even && trial.num_fields > 1 && trial.number_share >= kMinNumberShare &&
        trial.number_share > number_share) {
      found = candidate;
      number_share = trial.number_share;
    }
  }
  if (found != 0) return found;
  for (const char candidate : {'\t', ';', ',', '|', kBlank}) {
    const Trial trial = try_delimiter(candidate);
    const bool in_words = candidate == '|' || candidate == kBlank;
    if (!trial.short_header || (in_words && trial.number_share < kMinNumberShare)) continue;
    // One column of decimals with a comma, rather than row names: no semicolon divides it.
    return candidate == ',' && is_one_comma_column() ? ';' : candidate;
  }
  // One column, or uneven rows that the caller will report: the delimiter of the first line.
  const std::string_view text = std::string_view(text_).substr(begin_);
  const std::string_view line = text.substr(0, text.find('\n'));
  for (const char candidate : {'\t', ';'}) {
    if (line.find(candidate) != line.npos && line.find(',') == line.npos) return candidate;
  }
  return ',';
}

}  // namespace metaplastic
