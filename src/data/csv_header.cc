#include "data/csv_header.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "data/csv_cells.h"

namespace metaplastic {
namespace {

using Row = std::vector<std::string>;

std::optional<double> number_of(std::string_view cell) {
  const std::string_view text = trim(cell);
  const std::optional<double> point = parse_number(text, Decimal::kPoint);
  return point ? point : parse_number(text, Decimal::kComma);
}

bool is_plain(std::string_view text) { return text.find_first_of(".,eE") == text.npos; }

bool is_word(std::string_view cell) {
  const std::string_view text = trim(cell);
  return !is_missing(text) && !number_of(text) && !is_written_for_people(text);
}

// What a column holds below the first row.
struct Below {
  std::size_t num_numbers = 0, num_words = 0, num_missing = 0;
  bool plain = false;  // a number is written without a decimal sign or an exponent
  std::set<std::string> words;
  bool numbers_only() const { return num_numbers > 0 && num_words == 0; }
  bool words_only() const { return num_words > 0 && num_numbers == 0; }
};

std::vector<Below> look_below(std::size_t num_columns, const std::vector<Row>& rows) {
  std::vector<Below> columns(num_columns);
  for (const Row& row : rows) {
    for (std::size_t n = 0; n < std::min(num_columns, row.size()); ++n) {
      Below& column = columns[n];
      const std::string_view text = trim(row[n]);
      if (is_missing(text)) {
        ++column.num_missing;
      } else if (number_of(text)) {
        ++column.num_numbers;
        column.plain = column.plain || is_plain(text);
      } else {
        ++column.num_words;
        column.words.emplace(text);
      }
    }
  }
  return columns;
}

std::vector<double> numbers_of(const Row& row) {
  std::vector<double> numbers;
  for (const std::string& cell : row) {
    if (const auto number = number_of(cell)) numbers.push_back(*number);
  }
  return numbers;
}

// first, first + 1, ...
bool counts_from(const std::vector<double>& numbers, double first) {
  for (const double number : numbers) {
    if (number != first++) return false;
  }
  return true;
}

// At least three numbers that rise by the same step.
bool rises_evenly(const std::vector<double>& numbers) {
  if (numbers.size() < 3 || !(numbers[1] > numbers[0])) return false;
  const double step = numbers[1] - numbers[0];
  for (std::size_t n = 2; n < numbers.size(); ++n) {
    if (std::abs(numbers[n] - numbers[n - 1] - step) > 1e-6 * step) return false;
  }
  return true;
}

bool are_years(const std::vector<double>& numbers) {
  return std::ranges::all_of(numbers, [](double number) {
    return number >= 1800 && number <= 2100 && number == std::floor(number);
  });
}

class FirstRowJudge {
 public:
  FirstRowJudge(const Row& first, const std::vector<Row>& rows)
      : first_(first),
        rows_(rows),
        columns_(look_below(first.size(), rows)),
        numbers_(numbers_of(first)) {
    for (std::size_t n = 0; n < first.size(); ++n) {
      const std::string_view text = trim(first[n]);
      const bool word = is_word(text);
      num_words_ += word ? 1 : 0;
      num_empty_ += text.empty() && n > 0 ? 1 : 0;
      num_missing_ += !text.empty() && is_missing(text) ? 1 : 0;
      words_over_numbers_ += word && columns_[n].numbers_only() ? 1 : 0;
      numbers_over_words_ += number_of(text) && columns_[n].words_only() ? 1 : 0;
      decimals_below_ += columns_[n].num_numbers > 0 && !columns_[n].plain ? 1 : 0;
      plain_ = plain_ && (!number_of(text) || is_plain(text));
      // A word that comes again below is a value, and words that never repeat tell nothing.
      repeats_ = repeats_ || (word && columns_[n].words.contains(std::string(text)));
      fresh_ = fresh_ || (word && columns_[n].words_only() &&
                          columns_[n].words.size() < columns_[n].num_words);
      if (!text.empty()) distinct_ = names_.emplace(text).second && distinct_;
    }
  }

  bool without_numbers() const {
    if (num_missing_ == 0 && num_empty_ == 0) return num_words_ > 0;
    if (num_words_ == 0) {
      const bool all_numbers = std::ranges::all_of(
          columns_, [](const Below& b) { return b.numbers_only() && b.num_missing == 0; });
      return first_.size() > 1 && num_empty_ == 0 && distinct_ && all_numbers;
    }
    if (words_over_numbers_ > 0) return distinct_;
    return distinct_ && fresh_ && !repeats_;
  }

  bool with_numbers() const {
    if (!distinct_ || repeats_ || num_missing_ + num_words_ > first_.size()) return false;
    const auto count = numbers_.size();
    const bool zero_based = counts_from(numbers_, 0), one_based = counts_from(numbers_, 1);
    const bool sequence = zero_based || one_based || rises_evenly(numbers_);
    const bool years = are_years(numbers_) && std::ranges::is_sorted(numbers_);
    if (words_over_numbers_ > 0) {
      const bool whole = std::ranges::all_of(numbers_, [](double v) { return v == std::floor(v); });
      return sequence || years || (whole && words_over_numbers_ > count);
    }
    if (numbers_over_words_ > 0) return sequence || years;
    const bool named_first = trim(first_[0]).empty() && first_.size() > 1;
    // As pandas numbers columns: 0, 1, 2, ... A single 0 tells little beside words.
    if (zero_based && plain_) {
      const bool alone = count == 1 && num_words_ > 0;
      if (named_first || (alone ? fresh_ && decimals_below_ > 0 : fresh_ || decimals_below_ > 0)) {
        return true;
      }
      if (lies_apart()) return true;
      if (count >= 3) return !any_below(rises_evenly);
    }
    if (num_words_ + num_missing_ > 0 && count < 2) return false;
    if (years && count >= 2) return !any_below(are_years);
    if (one_based && count >= 3) return decimals_below_ == first_.size() && rows_.size() >= 5;
    return rises_evenly(numbers_) && decimals_below_ > 0 && lies_apart();
  }

  bool has_numbers() const { return !numbers_.empty(); }

 private:
  template <class Check>
  bool any_below(const Check& check) const {
    return std::ranges::any_of(rows_, [&](const Row& row) {
      const std::vector<double> numbers = numbers_of(row);
      return !numbers.empty() && check(numbers);
    });
  }

  // Every number of the first row is further from its column than the column is wide.
  bool lies_apart() const {
    for (std::size_t n = 0; n < first_.size(); ++n) {
      const auto top = number_of(first_[n]);
      if (!top) continue;
      double low = HUGE_VAL, high = -HUGE_VAL;
      for (const Row& row : rows_) {
        const auto value = n < row.size() ? number_of(row[n]) : std::nullopt;
        if (!value) continue;
        low = std::min(low, *value);
        high = std::max(high, *value);
      }
      if (!(std::max(low - *top, *top - high) > high - low)) return false;
    }
    return rows_.size() >= 3;
  }

  const Row& first_;
  const std::vector<Row>& rows_;
  std::vector<Below> columns_;
  std::vector<double> numbers_;
  std::set<std::string> names_;
  std::size_t num_words_ = 0, num_empty_ = 0, num_missing_ = 0;
  std::size_t words_over_numbers_ = 0, numbers_over_words_ = 0, decimals_below_ = 0;
  bool distinct_ = true, repeats_ = false, fresh_ = false, plain_ = true;
};

}  // namespace

FirstRow judge_first_row(const Row& first, const std::vector<Row>& below, const Row& wanted) {
  const FirstRowJudge judge(first, below);
  const bool named = std::ranges::any_of(first, [&](const std::string& cell) {
    const std::string_view text = trim(cell);
    return !text.empty() && !number_of(text) && std::ranges::find(wanted, text) != wanted.end();
  });
  if (!judge.has_numbers()) {
    return named || judge.without_numbers() ? FirstRow::kNames : FirstRow::kData;
  }
  return named || judge.with_numbers() ? FirstRow::kNumberNames : FirstRow::kData;
}

}  // namespace metaplastic
