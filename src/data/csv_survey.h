// What the columns of a table hold, counted over all rows before any is kept: numbers and in which
// style, words, missing values, the different values, and whether a column counts the rows.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "data/csv_cells.h"

namespace metaplastic {

inline constexpr std::size_t kMaxCategories = 1000;

struct ColumnSurvey {
  struct Cell {
    std::int64_t line = 0;  // 0: none
    std::string text;
  };
  // By Decimal, the style of the file that is not known yet.
  std::array<std::int64_t, 2> num_numbers{}, num_written{};  // _written: for people, unread
  std::array<Cell, 2> first_bad;                             // neither a number nor missing
  std::int64_t num_missing = 0, num_filled = 0;
  std::set<std::string> values;  // different ones, up to one more than kMaxCategories; if kept
  bool counts_rows = true;       // 0, 1, 2, ... or 1, 2, 3, ...
  double first_count = 0;

  // The cell of row `row` (from 0) at `line` of the file.
  void add(std::string_view text, std::int64_t row, std::int64_t line, bool keep_values);
  // Most cells are numbers, or meant as such: one that is none is a mistake and no category.
  bool is_of_numbers(Decimal decimal) const;
};

// Counts the hints of the cells of a file at its decimal sign.
class DecimalSurvey {
 public:
  void add(std::string_view text);
  // A comma where commas alone are decimal signs beyond doubt; else a point.
  Decimal decide() const {
    return num_comma_ > 0 && num_point_ == 0 ? Decimal::kComma : Decimal::kPoint;
  }

 private:
  std::int64_t num_point_ = 0, num_comma_ = 0;
};

// What to do about a cell that is no number, for the end of an error line.
std::string advice_on_cell(std::string_view text, Decimal decimal);

}  // namespace metaplastic
