// The roles of columns that the rows decide: numbers, categories, an index, nothing.
#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/text.h"
#include "data/csv_table.h"
#include "data/read_text.h"

namespace metaplastic {
namespace {

// A column with a name that counts this many rows is taken for an index.
constexpr std::int64_t kRowsOfAnIndex = 10;

// The name of the sign that may divide this text, which is all that a row holds.
std::string likely_delimiter(std::string_view text) {
  constexpr std::pair<char, const char*> kSigns[] = {
      {';', "semicolon"}, {'\t', "tab"}, {'|', "bar"}, {',', "comma"}, {' ', "blank"}};
  for (const auto& [sign, name] : kSigns) {
    if (text.find(sign) != text.npos) return name;
  }
  return "";
}

}  // namespace

void CsvTable::look_at_all() {
  rewind_to_rows();
  for (; next_row(); ++num_rows_) {
    for (std::size_t n = 0; n < columns_.size(); ++n) {
      CsvColumn& column = columns_[n];
      if (column.role == CsvColumn::kDropped || column.role == CsvColumn::kLabel) continue;
      const std::string_view text = trim(fields_[n]);
      const bool keep = one_hot_ || column.role == CsvColumn::kOneHot;
      column.survey.add(text, num_rows_, reader_.line(), keep);
      if (column.role == CsvColumn::kNumber) decimals_.add(text);
      if (keep && !is_utf8(text)) {
        fail("{}: expected UTF-8 text, found other bytes in line {}, column {}; save it as UTF-8",
             source_, reader_.line(), quote_text(column.name));
      }
    }
  }
}

void CsvTable::settle_decimal() {
  const std::string name = spec_.choice("decimal", {"auto", "point", "comma"});
  decimal_ = name == "comma" ? Decimal::kComma : Decimal::kPoint;
  if (name != "auto") return;
  decimal_ = decimals_.decide();
  if (decimal_ == Decimal::kComma) {
    notes_.emplace_back("decimals are read with a comma; give decimal=point if that is wrong");
  }
}

void CsvTable::settle_roles() {
  const auto style = static_cast<std::size_t>(decimal_);
  const CsvColumn* bad = nullptr;
  for (std::size_t n = 0; n < columns_.size(); ++n) {
    CsvColumn& column = columns_[n];
    const ColumnSurvey& survey = column.survey;
    const std::int64_t bad_line = survey.first_bad[style].line;
    if (column.role == CsvColumn::kNumber) {
      if (bad_line > 0 && one_hot_ && !survey.is_of_numbers(decimal_)) {
        column.role = CsvColumn::kOneHot;
      } else if (bad_line > 0) {
        if (bad == nullptr || bad_line < bad->survey.first_bad[style].line) bad = &column;
      } else if (survey.num_filled == 0 && num_rows_ > 0 && is_unnamed(column)) {
        column.role = CsvColumn::kDropped;
        notes_.push_back(fmt::format("column {} has no name and no values: left out", n));
      } else {
        note_index(n);
      }
    }
    if (column.role == CsvColumn::kOneHot) number_categories(column);
  }
  if (bad != nullptr) refuse_cell(*bad);
}

void CsvTable::number_categories(CsvColumn& column) const {
  if (column.survey.values.size() > kMaxCategories) {
    fail("{}: expected at most {} categories in column {}, found more; drop it with drop=", source_,
         kMaxCategories, quote_text(column.name));
  }
  int offset = 0;
  for (const std::string& value : column.survey.values) column.categories[value] = offset++;
}

void CsvTable::refuse_cell(const CsvColumn& column) const {
  const ColumnSurvey& survey = column.survey;
  const ColumnSurvey::Cell& cell = survey.first_bad[static_cast<std::size_t>(decimal_)];
  std::string advice = advice_on_cell(cell.text, decimal_);
  const std::string delimiter = columns_.size() == 1 ? likely_delimiter(cell.text) : "";
  if (!delimiter.empty()) {
    advice = fmt::format("if another sign divides the row, give delimiter={}", delimiter);
  } else if (advice.empty() && survey.num_filled > 1 && survey.is_of_numbers(decimal_)) {
    advice = "most cells there are numbers: fix it, or name the column in drop= or category=";
  } else if (advice.empty()) {
    advice = "use categorical=onehot, drop= or header=yes";
    // Most probably these words are the labels.
    const auto label = missing_label_.empty() ? std::nullopt : spec_.option("label");
    if (label)
      advice = fmt::format("label= names {}, which is no column: give the right name",
                           quote_text(*label));
  }
  fail("{}: expected a number in line {}, column {}, found {}; {}", source_, cell.line,
       quote_text(column.name), quote_text(cell.text), advice);
}

bool CsvTable::is_unnamed(const CsvColumn& column) const {
  return has_header_ && (column.name.empty() || column.name.starts_with("Unnamed: "));
}

// drop= with what names this column and no other, and needs no quotes in a shell.
std::string CsvTable::drop_option(std::size_t n) const {
  const std::string& name = columns_[n].name;
  const bool plain = !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.';
  });
  if (plain) return "drop=" + name;
  const std::string index = std::to_string(n);
  const bool taken =
      std::ranges::any_of(columns_, [&](const CsvColumn& column) { return column.name == index; });
  if (!taken) return "drop=" + index;
  return fmt::format("drop={}", static_cast<std::ptrdiff_t>(n) - std::ssize(columns_));
}

void CsvTable::note_index(std::size_t n) {
  const CsvColumn& column = columns_[n];
  const double first = column.survey.first_count;
  const bool counts = column.survey.counts_rows && num_rows_ >= 3;
  const std::string says = counts ? fmt::format("counts the rows ({} to {})", first,
                                                first + static_cast<double>(num_rows_ - 1))
                                  : "";
  if (is_unnamed(column)) {
    notes_.push_back(fmt::format("column {} has no name{}: if it is an index, leave it out with {}",
                                 n, counts ? " and " + says : "", drop_option(n)));
  } else if (counts && num_rows_ >= kRowsOfAnIndex) {
    notes_.push_back(fmt::format("column {} {}: if it is an index, leave it out with {}",
                                 quote_text(column.name), says, drop_option(n)));
  }
}

void CsvTable::note_lines() {
  if (reader_.num_comments() > 0) {
    notes_.push_back(
        fmt::format("lines that begin with # and were passed over: {}", reader_.num_comments()));
  }
  if (reader_.num_blank_lines() > 0) {
    notes_.push_back(fmt::format("blank lines passed over: {}", reader_.num_blank_lines()));
  }
}

}  // namespace metaplastic
