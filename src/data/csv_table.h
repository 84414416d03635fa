// A CSV file whose columns have names and roles, decided by looking at every row once;
// dataset_csv.cc then reads the values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/csv_cells.h"
#include "data/csv_survey.h"
#include "data/data_spec.h"
#include "data/read_csv.h"

namespace metaplastic {

// How one column of the file becomes features.
struct CsvColumn {
  enum Role { kNumber, kOneHot, kLabel, kDropped } role = kNumber;
  std::string name;
  std::map<std::string, int> categories;  // kOneHot: value -> offset
  int first_feature = 0;                  // for the reader of values
  ColumnSurvey survey;
};

class CsvTable {
 public:
  // `source` starts error lines. Throws Error, with the line, for whatever cannot be read by the
  // options of the spec.
  CsvTable(const DataSpec& spec, const std::string& source);

  std::vector<CsvColumn>& columns() { return columns_; }
  Decimal decimal() const { return decimal_; }
  bool has_label() const { return has_label_; }
  // Why the column that label= names is not there; "" otherwise.
  const std::string& missing_label() const { return missing_label_; }
  // What was found out or passed over; one line each.
  const std::vector<std::string>& notes() const { return notes_; }

  // Before the first row of data.
  void rewind_to_rows();
  // The next row; false at the end. Throws Error for a wrong number of fields.
  bool next_row();
  const std::vector<std::string>& fields() const { return fields_; }
  std::int64_t line() const { return reader_.line(); }

 private:
  // csv_table.cc: names, and the roles that options give.
  void read_names();
  bool try_next();
  void judge_names(const std::vector<std::string>& first,
                   const std::vector<std::vector<std::string>>& below, bool has_comment);
  std::vector<std::string> names_of_comment(std::size_t num_columns) const;
  void add_columns(const std::vector<std::string>& names);
  CsvColumn* find_column(const std::string& wanted);
  std::string no_such_column(const std::string& wanted, const char* option) const;
  CsvColumn& demand_column(const std::string& wanted, const char* option);
  void assign_roles();

  // csv_roles.cc: the roles that the rows decide.
  void look_at_all();
  void settle_decimal();
  void settle_roles();
  void number_categories(CsvColumn& column) const;
  [[noreturn]] void refuse_cell(const CsvColumn& column) const;
  bool is_unnamed(const CsvColumn& column) const;
  std::string drop_option(std::size_t n) const;
  void note_index(std::size_t n);
  void note_lines();

  const DataSpec& spec_;
  std::string source_;
  CsvReader reader_;
  bool one_hot_;
  bool has_header_ = false, has_label_ = false;
  std::string missing_label_;
  Decimal decimal_ = Decimal::kPoint;
  std::int64_t num_rows_ = 0;
  DecimalSurvey decimals_;
  std::vector<CsvColumn> columns_;
  std::vector<std::string> fields_;
  std::vector<std::string> notes_;
};

}  // namespace metaplastic
