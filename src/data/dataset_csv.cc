// The form csv: columns become features, one column may be the label.
#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "data/csv_table.h"
#include "data/dataset_parts.h"
#include "data/dataset_rows.h"

namespace metaplastic {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

class CsvLoader {
 public:
  CsvLoader(const DataSpec& spec, const std::string& source)
      : source_(source), table_(spec, source) {
    const std::string policy = spec.choice("missing", {"error", "mean", "zero"});
    data_.missing = policy == "mean"   ? MissingPolicy::kMean
                    : policy == "zero" ? MissingPolicy::kZero
                                       : MissingPolicy::kError;
    data_.ignore_unknown = spec.choice("unknown", {"error", "ignore"}) == "ignore";
    data_.notes = table_.notes();
    data_.unusable_labels = table_.missing_label();
  }

  Dataset load() {
    name_features();
    fill();
    data_.rows = rows_of_doubles(std::move(values_), static_cast<int>(data_.column_names.size()));
    if (table_.has_label()) set_labels(data_, labels_, source_);
    return std::move(data_);
  }

 private:
  void name_features() {
    for (CsvColumn& column : table_.columns()) {
      column.first_feature = static_cast<int>(data_.column_names.size());
      if (column.role == CsvColumn::kNumber) {
        data_.column_names.push_back(column.name);
        data_.one_hot.push_back(false);
      }
      for (const auto& [value, index] : column.categories) {
        data_.column_names.push_back(column.name + "=" + value);
        data_.one_hot.push_back(true);
      }
    }
    if (data_.column_names.empty()) {
      fail("{}: expected a column of numbers beside label and dropped ones, found none", source_);
    }
  }

  void fill() {
    const std::size_t num_features = data_.column_names.size();
    table_.rewind_to_rows();
    while (table_.next_row()) {
      const std::size_t start = values_.size();
      if (start > static_cast<std::size_t>(kMaxDataBytes) / sizeof(double) - num_features) {
        fail("{}: expected at most {} GiB of numbers, found more in line {}; use npy", source_,
             kMaxDataBytes >> 30, table_.line());
      }
      values_.resize(start + num_features, 0.0);
      for (std::size_t n = 0; n < table_.columns().size(); ++n) {
        fill_cell(table_.columns()[n], trim(table_.fields()[n]), &values_[start]);
      }
    }
  }

  void fill_cell(const CsvColumn& column, std::string_view text, double* row) {
    if (column.role == CsvColumn::kDropped) return;
    if (column.role == CsvColumn::kLabel) {
      labels_.emplace_back(is_missing(text) ? std::string_view() : text);
    } else if (is_missing(text)) {
      if (data_.missing == MissingPolicy::kError) refuse_gap(column, text);
      // A missing category is none of the categories.
      if (column.role == CsvColumn::kNumber) row[column.first_feature] = kMissing;
    } else if (column.role == CsvColumn::kOneHot) {
      row[column.first_feature + column.categories.at(std::string(text))] = 1;
    } else {
      row[column.first_feature] = *parse_number(text, table_.decimal());
    }
  }

  [[noreturn]] void refuse_gap(const CsvColumn& column, std::string_view text) const {
    const bool whole_row = std::ranges::all_of(
        table_.fields(), [](const std::string& field) { return trim(field).empty(); });
    fail("{}: expected a value in line {}, column {}, found {}; {}", source_, table_.line(),
         quote_text(column.name), text.empty() ? "nothing" : quote_text(text),
         whole_row && table_.fields().size() > 1
             ? "the row is empty: delete it"
             : "fill it in or give missing=mean or missing=zero");
  }

  std::string source_;
  CsvTable table_;
  std::vector<double> values_;  // [rows, features]
  std::vector<std::string> labels_;
  Dataset data_;
};

}  // namespace

Dataset load_csv(const DataSpec& spec) {
  const std::string source = printable(spec.paths[0], 400);
  Dataset data = CsvLoader(spec, source).load();
  if (data.missing != MissingPolicy::kError && spec.option("image")) {
    fail("{}: expected missing= for tables only, found it with image=; remove one", source);
  }
  apply_row_options(data, spec, source, 255);
  return data;
}

}  // namespace metaplastic
