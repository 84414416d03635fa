// The form csv: columns become features, one column may be the label.
#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "data/dataset_parts.h"
#include "data/dataset_rows.h"
#include "data/read_bytes.h"
#include "data/read_csv.h"
#include "data/read_text.h"

namespace metaplastic {
namespace {

constexpr std::size_t kMaxCategories = 1000;
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// How one column of the file becomes features.
struct CsvColumn {
  enum Role { kNumber, kOneHot, kLabel, kDropped } role = kNumber;
  std::string name;
  std::map<std::string, int> categories;  // kOneHot: value -> offset
  int first_feature = 0;
};

char delimiter_of(const DataSpec& spec) {
  const std::string name = spec.choice("delimiter", {"auto", "comma", "semicolon", "tab"});
  return name == "comma" ? ',' : name == "semicolon" ? ';' : name == "tab" ? '\t' : '\0';
}

// A first row is a header when none of its fields is a number or a missing value; an empty first
// field, as spreadsheets and pandas write above row numbers, is allowed.
bool looks_like_header(const std::vector<std::string>& fields) {
  for (std::size_t n = 0; n < fields.size(); ++n) {
    const std::string_view field = trim(fields[n]);
    if (parse_float(field) ||
        (is_missing(field) && !(field.empty() && n == 0 && fields.size() > 1))) {
      return false;
    }
  }
  return true;
}

class CsvLoader {
 public:
  CsvLoader(const DataSpec& spec, const std::string& source)
      : spec_(spec),
        source_(source),
        reader_(read_regular_file(spec.paths[0], static_cast<std::uint64_t>(kMaxDataBytes)), source,
                delimiter_of(spec)),
        one_hot_(spec.choice("categorical", {"error", "onehot"}) == "onehot") {
    const std::string policy = spec.choice("missing", {"error", "mean", "zero"});
    missing_ = policy == "mean"   ? MissingPolicy::kMean
               : policy == "zero" ? MissingPolicy::kZero
                                  : MissingPolicy::kError;
  }

  Dataset load() {
    read_names();
    assign_roles();
    if (one_hot_) find_categories();
    name_features();
    fill();
    Dataset data;
    data.missing = missing_;
    data.column_names = std::move(feature_names_);
    data.one_hot = std::move(feature_one_hot_);
    data.rows = rows_of_doubles(std::move(values_), static_cast<int>(data.column_names.size()));
    if (has_label_) set_labels(data, labels_, source_);
    return data;
  }

 private:
  void read_names() {
    const std::string header = spec_.choice("header", {"auto", "yes", "no"});
    if (!reader_.next(fields_)) fail("{}: expected rows, found an empty file", source_);
    has_header_ = header == "yes" || (header == "auto" && looks_like_header(fields_));
    std::set<std::string> seen;
    for (std::size_t n = 0; n < fields_.size(); ++n) {
      CsvColumn column;
      column.name = has_header_ ? std::string(trim(fields_[n])) : std::to_string(n);
      if (!is_utf8(column.name)) {
        fail(
            "{}: expected UTF-8 text, found other bytes in the name of column {}; save it as UTF-8",
            source_, n);
      }
      if (!seen.insert(column.name).second) {
        fail("{}: expected different column names, found {} twice; rename one", source_,
             quote_text(column.name));
      }
      columns_.push_back(std::move(column));
    }
  }

  CsvColumn& find_column(const std::string& wanted, const char* option) {
    std::vector<std::string> names;
    for (CsvColumn& column : columns_) {
      if (column.name == wanted) return column;
      names.push_back(column.name);
    }
    std::int64_t index = 0;
    const char* end = wanted.data() + wanted.size();
    const auto [rest, code] = std::from_chars(wanted.data(), end, index);
    const auto count = static_cast<std::int64_t>(columns_.size());
    if (code == std::errc{} && rest == end && index >= -count && index < count) {
      return columns_[static_cast<std::size_t>(index < 0 ? index + count : index)];
    }
    fail("{}: expected {}= to name one of {} columns, or an index from 0, found {}{}", source_,
         option, count, quote_text(wanted),
         has_header_ ? did_you_mean(wanted, names) : "; the file has no header");
  }

  void assign_roles() {
    if (const auto label = spec_.option("label")) {
      find_column(*label, "label").role = CsvColumn::kLabel;
      has_label_ = true;
    }
    for (const std::string& name : spec_.all("drop")) {
      CsvColumn& column = find_column(name, "drop");
      if (column.role != CsvColumn::kNumber) {
        fail("{}: expected column {} to be named once in label= and drop=, found it twice", source_,
             quote_text(column.name));
      }
      column.role = CsvColumn::kDropped;
    }
  }

  // The next row of data with the right number of fields.
  bool next_row() {
    if (!reader_.next(fields_)) return false;
    if (fields_.size() != columns_.size()) {
      fail("{}: expected {} fields in line {}, found {}; mend the row or name the delimiter",
           source_, columns_.size(), reader_.line(), fields_.size());
    }
    return true;
  }

  void rewind_to_rows() {
    reader_.rewind();
    if (has_header_) reader_.next(fields_);
  }

  // First which columns are no numbers, then what they hold.
  void find_categories() {
    rewind_to_rows();
    while (next_row()) {
      for (std::size_t n = 0; n < columns_.size(); ++n) {
        const std::string_view text = trim(fields_[n]);
        if (columns_[n].role == CsvColumn::kNumber && !is_missing(text) && !parse_float(text)) {
          columns_[n].role = CsvColumn::kOneHot;
        }
      }
    }
    rewind_to_rows();
    while (next_row()) {
      for (std::size_t n = 0; n < columns_.size(); ++n) {
        const std::string_view text = trim(fields_[n]);
        if (columns_[n].role == CsvColumn::kOneHot && !is_missing(text)) {
          add_category(columns_[n], std::string(text));
        }
      }
    }
    for (CsvColumn& column : columns_) {
      int offset = 0;
      for (auto& [value, index] : column.categories) index = offset++;
    }
  }

  void add_category(CsvColumn& column, const std::string& value) {
    if (!is_utf8(value)) {
      fail("{}: expected UTF-8 text, found other bytes in line {}, column {}; save it as UTF-8",
           source_, reader_.line(), quote_text(column.name));
    }
    column.categories.emplace(value, 0);
    if (column.categories.size() > kMaxCategories) {
      fail("{}: expected at most {} categories in column {}, found more; drop it with drop=",
           source_, kMaxCategories, quote_text(column.name));
    }
  }

  void name_features() {
    for (CsvColumn& column : columns_) {
      column.first_feature = static_cast<int>(feature_names_.size());
      if (column.role == CsvColumn::kNumber) {
        feature_names_.push_back(column.name);
        feature_one_hot_.push_back(false);
      }
      for (const auto& [value, index] : column.categories) {
        feature_names_.push_back(column.name + "=" + value);
        feature_one_hot_.push_back(true);
      }
    }
    if (feature_names_.empty()) {
      fail("{}: expected a column of numbers beside label and dropped ones, found none", source_);
    }
  }

  void fill() {
    rewind_to_rows();
    const std::size_t num_features = feature_names_.size();
    while (next_row()) {
      const std::size_t start = values_.size();
      if (start > static_cast<std::size_t>(kMaxDataBytes) / sizeof(double) - num_features) {
        fail("{}: expected at most {} GiB of numbers, found more in line {}; use npy", source_,
             kMaxDataBytes >> 30, reader_.line());
      }
      values_.resize(start + num_features, 0.0);
      for (std::size_t n = 0; n < columns_.size(); ++n) {
        fill_cell(columns_[n], trim(fields_[n]), &values_[start]);
      }
    }
  }

  void fill_cell(const CsvColumn& column, std::string_view text, double* row) {
    if (column.role == CsvColumn::kDropped) return;
    if (is_missing(text)) {
      if (column.role == CsvColumn::kLabel) return labels_.emplace_back(), void();
      if (missing_ == MissingPolicy::kError) {
        fail(
            "{}: expected a value in line {}, column {}, found {}; fill it in or give missing=mean "
            "or missing=zero",
            source_, reader_.line(), quote_text(column.name),
            text.empty() ? "nothing" : quote_text(text));
      }
      if (column.role == CsvColumn::kNumber) row[column.first_feature] = kMissing;
      return;  // a missing category is none of the categories
    }
    if (column.role == CsvColumn::kLabel) {
      labels_.emplace_back(text);
    } else if (column.role == CsvColumn::kOneHot) {
      row[column.first_feature + column.categories.at(std::string(text))] = 1;
    } else if (const auto value = parse_double(text)) {
      row[column.first_feature] = *value;
    } else {
      fail("{}: expected a number in line {}, column {}, found {}; {}", source_, reader_.line(),
           quote_text(column.name), quote_text(text),
           text.find(',') != text.npos ? "write decimals with a point"
                                       : "use categorical=onehot, drop= or header=yes");
    }
  }

  const DataSpec& spec_;
  std::string source_;
  CsvReader reader_;
  bool one_hot_;
  MissingPolicy missing_ = MissingPolicy::kError;
  bool has_header_ = false, has_label_ = false;
  std::vector<CsvColumn> columns_;
  std::vector<std::string> fields_;
  std::vector<std::string> feature_names_;
  std::vector<bool> feature_one_hot_;
  std::vector<double> values_;  // [rows, features]
  std::vector<std::string> labels_;
};

}  // namespace

Dataset load_csv(const DataSpec& spec) {
  const std::string source = printable(spec.paths[0], 400);
  Dataset data = CsvLoader(spec, source).load();
  if (data.missing != MissingPolicy::kError && spec.option("image")) {
    fail("{}: expected missing= for tables only, found it with image=; remove one", source);
  }
  apply_image_options(data, spec, source, 255);
  return data;
}

}  // namespace metaplastic
