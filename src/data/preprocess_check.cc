// Whether an encoder's inputs can be made of a data set, and what to say where they cannot.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "data/preprocess_rows.h"

namespace metaplastic {
namespace {

std::string size_text(const ImageShape& image) {
  return fmt::format("{} x {} {}", image.height, image.width,
                     image.channels == 1 ? "grey" : "colour");
}

// "colour" where the encoder knows a column "colour=v" and this name is "colour=w"; "" otherwise.
std::string known_column(const Preprocess& preprocess, const std::string& name) {
  for (std::size_t at = name.find('='); at != name.npos; at = name.find('=', at + 1)) {
    const std::string_view start = std::string_view(name).substr(0, at + 1);
    for (std::size_t n = 0; n < preprocess.column_names.size(); ++n) {
      if (preprocess.one_hot[n] && preprocess.column_names[n].starts_with(start)) {
        return name.substr(0, at);
      }
    }
  }
  return "";
}

// Categories in the data that the encoder has not seen, in columns that it has.
std::vector<std::size_t> unknown_categories(const Preprocess& preprocess, const Dataset& raw) {
  const std::set<std::string_view> fitted(preprocess.column_names.begin(),
                                          preprocess.column_names.end());
  std::vector<std::size_t> columns;
  for (std::size_t n = 0; n < raw.one_hot.size(); ++n) {
    const std::string& name = raw.column_names[n];
    if (!raw.one_hot[n] || fitted.contains(name)) continue;
    if (!known_column(preprocess, name).empty()) columns.push_back(n);
  }
  return columns;
}

// "'teal' in column 'colour' (3 rows, the first is row 7 from 0)", with the number of others.
std::string describe_unknown(const Preprocess& preprocess, const Dataset& raw,
                             const std::vector<std::size_t>& columns) {
  std::int64_t num_rows = 0, first_row = -1;
  std::vector<float> row(static_cast<std::size_t>(raw.num_features()));
  for (std::int64_t n = 0; n < raw.num_rows(); ++n) {
    raw.read_rows(n, 1, row);
    if (std::ranges::none_of(columns, [&](std::size_t column) { return row[column] == 1; })) {
      continue;
    }
    if (num_rows++ == 0) first_row = n;
  }
  const auto shown = std::ranges::find_if(columns, [&](std::size_t column) {
    raw.read_rows(std::max<std::int64_t>(first_row, 0), 1, row);
    return row[column] == 1;
  });
  const std::string& name = raw.column_names[shown == columns.end() ? columns[0] : *shown];
  const std::string column = known_column(preprocess, name);
  return fmt::format("{} in column {}{} ({} row{}, the first is row {} from 0)",
                     quote_text(name.substr(column.size() + 1)), quote_text(column),
                     columns.size() > 1 ? fmt::format(" and {} more", columns.size() - 1) : "",
                     num_rows, num_rows == 1 ? "" : "s", first_row);
}

// What to say of a fitted column that the data does not have.
std::string absent_column(const Preprocess& preprocess, const Dataset& raw, std::size_t n) {
  const std::string& name = preprocess.column_names[n];
  for (const std::string& other : raw.column_names) {
    if (other.starts_with(name + "=")) {
      return fmt::format(
          "expected numbers in column {} as the encoder was fitted on, found words "
          "such as {}; fix them",
          quote_text(name), quote_text(other.substr(name.size() + 1)));
    }
  }
  return fmt::format(
      "expected the {} columns that the encoder was fitted on, found {} without {}; use data of "
      "the same columns",
      preprocess.column_names.size(), raw.column_names.size(), quote_text(name));
}

// What to say of a column that the encoder was not fitted on.
std::string foreign_column(const Preprocess& preprocess, const std::string& name) {
  for (std::size_t n = 0; n < preprocess.column_names.size(); ++n) {
    if (!preprocess.one_hot[n] || !preprocess.column_names[n].starts_with(name + "=")) continue;
    return fmt::format(
        "expected categories in column {} as the encoder was fitted on, found numbers or nothing; "
        "give category={}",
        quote_text(name), printable(name));
  }
  return fmt::format(
      "expected the {} columns that the encoder was fitted on, found {} more; drop it with drop= "
      "or label=",
      preprocess.column_names.size(), quote_text(name));
}

void check_columns(const Preprocess& preprocess, const Dataset& raw, const std::string& name) {
  const std::vector<int> source = match_columns(preprocess, raw);
  std::vector<bool> used(raw.column_names.size());
  for (std::size_t n = 0; n < source.size(); ++n) {
    const bool one_hot = preprocess.one_hot[n];
    if (source[n] < 0 && one_hot) continue;  // no row of this data is of that category
    if (source[n] < 0) fail("{}: {}", name, absent_column(preprocess, raw, n));
    const auto column = static_cast<std::size_t>(source[n]);
    if (one_hot != (!raw.one_hot.empty() && raw.one_hot[column])) {
      fail("{}: expected column {} of {}, found the other kind; use data of the same columns", name,
           quote_text(preprocess.column_names[n]), one_hot ? "categories" : "numbers");
    }
    used[column] = true;
  }
  const std::vector<std::size_t> unknown = unknown_categories(preprocess, raw);
  if (!unknown.empty() && !raw.ignore_unknown) {
    fail(
        "{}: expected categories that the encoder was fitted on, found {}; fix the row, or give "
        "unknown=ignore to count it as none of them",
        name, describe_unknown(preprocess, raw, unknown));
  }
  for (const std::size_t column : unknown) used[column] = true;
  for (std::size_t n = 0; n < used.size(); ++n) {
    if (!used[n]) fail("{}: {}", name, foreign_column(preprocess, raw.column_names[n]));
  }
}

void check_table(const Preprocess& preprocess, const Dataset& raw, const std::string& name) {
  if (raw.missing != MissingPolicy::kError && raw.missing != preprocess.missing) {
    const auto policy_name = [](MissingPolicy policy) {
      return policy == MissingPolicy::kMean   ? "missing=mean"
             : policy == MissingPolicy::kZero ? "missing=zero"
                                              : "no missing=";
    };
    fail("{}: expected {} as the encoder was fitted, found {}; use the same", name,
         policy_name(preprocess.missing), policy_name(raw.missing));
  }
  check_columns(preprocess, raw, name);
}

void check_text(const Preprocess& preprocess, const Dataset& raw, const std::string& name) {
  if (raw.tfidf && *raw.tfidf != preprocess.tfidf) {
    fail("{}: expected weights={} as the encoder was fitted, found weights={}; leave it out", name,
         preprocess.tfidf ? "tfidf" : "tf", *raw.tfidf ? "tfidf" : "tf");
  }
  if (raw.vocabulary && *raw.vocabulary < preprocess.num_inputs()) {
    fail(
        "{}: expected the vocabulary of {} words that the encoder was fitted on, found "
        "vocabulary={}; leave it out",
        name, preprocess.num_inputs(), *raw.vocabulary);
  }
}

void check_signal(const Preprocess& preprocess, const Dataset& raw, const std::string& name) {
  const int rate = raw.sound ? raw.sound->rate : 0;
  if ((rate > 0) != (preprocess.rate > 0)) {
    fail("{}: expected {} as the encoder was fitted on, found {}; use data of the same kind", name,
         preprocess.rate > 0 ? "sounds" : "signals", rate > 0 ? "sounds" : "signals");
  }
  if (rate != preprocess.rate) {
    fail("{}: expected sounds at {} Hz as the encoder was fitted on, found {} Hz; give rate={}",
         name, preprocess.rate, rate, preprocess.rate);
  }
  const ImageShape& shape = preprocess.input_image;
  if (!(raw.image == shape)) {
    fail(
        "{}: expected {} steps of {} channels as the encoder was fitted on, found {} of {}; use "
        "signals of the same shape",
        name, shape.width, shape.channels, raw.image.width, raw.image.channels);
  }
  if (!raw.sound) return;
  const bool is_log_mel = preprocess.log_mel.has_value();
  if (raw.sound->is_log_mel.value_or(is_log_mel) != is_log_mel) {
    fail("{}: expected features={} as the encoder was fitted, found the other; leave it out", name,
         is_log_mel ? "log-mel" : "raw");
  }
  if (is_log_mel &&
      raw.sound->bands.value_or(preprocess.log_mel->bands) != preprocess.log_mel->bands) {
    fail("{}: expected bands={} as the encoder was fitted, found bands={}; leave it out", name,
         preprocess.log_mel->bands, *raw.sound->bands);
  }
}

}  // namespace

void check_suits(const Preprocess& preprocess, const Dataset& raw) {
  const std::string name = printable(raw.name, 400);
  if (raw.kind != preprocess.kind) {
    fail("{}: expected {} data as the encoder was fitted on, found {}; use data of the same kind",
         name, kind_name(preprocess.kind), kind_name(raw.kind));
  }
  if (raw.kind == DataKind::kImage && !(raw.image == preprocess.input_image)) {
    fail(
        "{}: expected images of {} pixels as the encoder was fitted on, found {}; convert the "
        "images or fit an encoder to them",
        name, size_text(preprocess.input_image), size_text(raw.image));
  }
  if (raw.kind == DataKind::kSignal) check_signal(preprocess, raw, name);
  if (raw.kind == DataKind::kTable) check_table(preprocess, raw, name);
  if (raw.kind == DataKind::kText) check_text(preprocess, raw, name);
}

std::vector<std::string> notes_on(const Preprocess& preprocess, const Dataset& raw) {
  if (raw.kind != DataKind::kTable) return {};
  const std::vector<std::size_t> unknown = unknown_categories(preprocess, raw);
  if (unknown.empty()) return {};
  return {fmt::format("unknown to the encoder and counted as none of its categories: {}",
                      describe_unknown(preprocess, raw, unknown))};
}

}  // namespace metaplastic
