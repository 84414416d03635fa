#include "data/csv_table.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "data/csv_header.h"
#include "data/dataset_parts.h"
#include "data/read_bytes.h"
#include "data/read_text.h"

namespace metaplastic {
namespace {

char delimiter_of(const DataSpec& spec) {
  const std::string name =
      spec.choice("delimiter", {"auto", "comma", "semicolon", "tab", "bar", "blank", ";", "|"});
  if (name == "auto") return 0;
  if (name == "comma") return ',';
  if (name == "semicolon" || name == ";") return ';';
  if (name == "tab") return '\t';
  return name == "blank" ? CsvReader::kBlank : '|';
}

std::string header_option(const DataSpec& spec) {
  return spec.choice("header", {"auto", "yes", "no"});
}

}  // namespace

CsvTable::CsvTable(const DataSpec& spec, const std::string& source)
    : spec_(spec),
      source_(source),
      reader_(read_regular_file(spec.paths[0], static_cast<std::uint64_t>(kMaxDataBytes)), source,
              delimiter_of(spec)),
      one_hot_(spec.choice("categorical", {"error", "onehot"}) == "onehot") {
  read_names();
  assign_roles();
  look_at_all();
  note_lines();
  settle_decimal();
  settle_roles();
}

// The first record, as names or as the first row of data.
void CsvTable::read_names() {
  if (!reader_.next(fields_)) fail("{}: expected rows, found an empty file", source_);
  std::vector<std::string> first = fields_;
  std::vector<std::vector<std::string>> below;
  while (below.size() < kRowsBelow && try_next()) below.push_back(fields_);
  if (reader_.short_header()) {
    // R writes no name above its row names; others end every line but the first by a delimiter.
    const bool ends_empty =
        std::ranges::all_of(below, [](const auto& row) { return trim(row.back()).empty(); });
    first.insert(ends_empty ? first.end() : first.begin(), "");
  }
  const std::vector<std::string> commented = names_of_comment(first.size());
  judge_names(first, below, !commented.empty());
  std::vector<std::string> names = has_header_ ? first : commented;
  if (!has_header_ && !commented.empty()) {
    notes_.push_back(fmt::format("the line '#{}' is taken as names of columns",
                                 printable(reader_.last_comment(), 40)));
  }
  for (std::size_t n = names.size(); n < first.size(); ++n) names.push_back(std::to_string(n));
  add_columns(names);
  reader_.set_num_fields(columns_.size());
}

// A record that cannot be read is reported when its turn comes.
bool CsvTable::try_next() {
  try {
    return reader_.next(fields_);
  } catch (const Error&) {
    return false;
  }
}

void CsvTable::judge_names(const std::vector<std::string>& first,
                           const std::vector<std::vector<std::string>>& below, bool has_comment) {
  const std::string header = header_option(spec_);
  std::vector<std::string> wanted = spec_.all("drop");
  for (const std::string& name : spec_.all("category")) wanted.push_back(name);
  if (const auto label = spec_.option("label")) wanted.push_back(*label);
  const FirstRow judged = judge_first_row(first, below, wanted);
  const bool found = judged != FirstRow::kData || reader_.short_header();
  // With header=yes, names in a comment stand for a row of names.
  has_header_ = header == "yes" ? found || !has_comment : header == "auto" && found;
  if (header != "auto" || judged != FirstRow::kNumberNames) return;
  notes_.push_back(
      fmt::format("the first row ({}) is taken as names of columns; give header=no if it is data",
                  printable(fmt::format("{}", fmt::join(first, ", ")), 40)));
}

// As np.savetxt writes names: in a comment above the rows. None if there are none.
std::vector<std::string> CsvTable::names_of_comment(std::size_t num_columns) const {
  if (header_option(spec_) == "no" || num_columns < 2) return {};
  std::vector<std::string> names = reader_.split(trim(reader_.last_comment()));
  std::set<std::string> distinct;
  for (const std::string& name : names) {
    if (is_missing(trim(name)) || parse_double(trim(name))) return {};
    distinct.insert(std::string(trim(name)));
  }
  if (names.size() != num_columns || distinct.size() != num_columns) names.clear();
  return names;
}

void CsvTable::add_columns(const std::vector<std::string>& names) {
  std::set<std::string> seen;
  for (std::size_t n = 0; n < names.size(); ++n) {
    CsvColumn column;
    column.name = std::string(trim(names[n]));
    // As pandas names columns without a name, but for the first.
    if (column.name.empty() && seen.contains("")) column.name = fmt::format("Unnamed: {}", n);
    if (!is_utf8(column.name)) {
      fail("{}: expected UTF-8 text, found other bytes in the name of column {}; save it as UTF-8",
           source_, n);
    }
    if (!seen.insert(column.name).second) {
      fail("{}: expected different column names, found {} twice; rename one", source_,
           quote_text(column.name));
    }
    columns_.push_back(std::move(column));
  }
}

// By name, else by index; null when there is none.
CsvColumn* CsvTable::find_column(const std::string& wanted) {
  for (CsvColumn& column : columns_) {
    if (column.name == wanted) return &column;
  }
  std::int64_t index = 0;
  const char* end = wanted.data() + wanted.size();
  const auto [rest, code] = std::from_chars(wanted.data(), end, index);
  const auto count = std::ssize(columns_);
  if (code != std::errc{} || rest != end || index < -count || index >= count) return nullptr;
  return &columns_[static_cast<std::size_t>(index < 0 ? index + count : index)];
}

std::string CsvTable::no_such_column(const std::string& wanted, const char* option) const {
  std::vector<std::string> names;
  for (const CsvColumn& column : columns_) names.push_back(column.name);
  return fmt::format("{}: expected {}= to name one of {} columns, or an index from 0, found {}{}",
                     source_, option, columns_.size(), quote_text(wanted),
                     has_header_ ? did_you_mean(wanted, names) : "; the file has no header");
}

CsvColumn& CsvTable::demand_column(const std::string& wanted, const char* option) {
  CsvColumn* column = find_column(wanted);
  if (column == nullptr) fail("{}", no_such_column(wanted, option));
  if (column->role != CsvColumn::kNumber) {
    fail("{}: expected column {} to be named once in label=, drop= and category=, found it twice",
         source_, quote_text(column->name));
  }
  return *column;
}

void CsvTable::assign_roles() {
  if (const auto label = spec_.option("label")) {
    if (CsvColumn* column = find_column(*label)) {
      column->role = CsvColumn::kLabel;
      has_label_ = true;
    } else {
      // New rows may come without labels. A misspelt name, though, would leave the labels among
      // the features.
      missing_label_ = no_such_column(*label, "label");
      const bool misspelt = has_header_ && std::ranges::any_of(columns_, [&](const auto& other) {
                              return is_near(*label, other.name);
                            });
      if (misspelt) fail("{}", missing_label_);
    }
  }
  for (const std::string& name : spec_.all("drop")) {
    demand_column(name, "drop").role = CsvColumn::kDropped;
  }
  for (const std::string& name : spec_.all("category")) {
    demand_column(name, "category").role = CsvColumn::kOneHot;
  }
}

void CsvTable::rewind_to_rows() {
  reader_.rewind();
  if (has_header_) reader_.next(fields_);
}

bool CsvTable::next_row() {
  if (!reader_.next(fields_)) return false;
  if (fields_.size() != columns_.size()) {
    fail("{}: expected {} fields in line {}, found {}; fix the row or name the delimiter", source_,
         columns_.size(), reader_.line(), fields_.size());
  }
  return true;
}

}  // namespace metaplastic
