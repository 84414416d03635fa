#include "data/data_spec.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "data/data_form.h"

namespace metaplastic {
namespace {

// How to write a SPEC of a bare file name, told from how it ends; "" for what is no file name.
std::string likely_form(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kEndings[] = {
      {".npy", "npy"},    {".npz", "npz"},   {".csv", "csv"},     {".tsv", "csv"},
      {".dat", "csv"},    {".data", "csv"},  {".txt", "text"},    {".idx", "idx"},
      {".idx.gz", "idx"}, {"-ubyte", "idx"}, {"-ubyte.gz", "idx"}};
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const auto& [ending, form] : kEndings) {
    if (lower.size() > ending.size() && lower.ends_with(ending)) {
      return fmt::format("{}:{}{}", form, printable(name, 200),
                         form == "csv"    ? " (or text:)"
                         : form == "text" ? " (or csv:)"
                                          : "");
    }
  }
  for (const std::string_view ending : {".png", ".jpg", ".jpeg", ".pgm", ".ppm"}) {
    if (lower.ends_with(ending)) return "images:FOLDER with the folder of the images";
  }
  if (lower.ends_with(".wav")) return "wav:FOLDER with the folder of the sounds";
  for (const std::string_view ending : {".xlsx", ".xls", ".ods", ".parquet", ".mat", ".rds"}) {
    if (lower.ends_with(ending)) return "csv:FILE with the table saved as CSV";
  }
  if (name.find('/') == name.npos) return "";
  return fmt::format("images:{0}, text:{0}, csv:{0} or another form", printable(name, 200));
}

const DataForm& find_form(std::string_view name, std::span<const DataForm> forms) {
  std::vector<std::string> names;
  for (const DataForm& form : forms) {
    if (name == form.name) return form;
    names.emplace_back(form.name);
  }
  const std::string form = likely_form(name);
  if (!form.empty()) {
    fail("data {}: expected a form and a colon before the name of a file, found none; write {}",
         quote_text(name), form);
  }
  fail("data {}: expected one of {}, found {}{}", quote_text(name), join_names(names),
       quote_text(name), did_you_mean(name, names));
}

// What people call options elsewhere.
std::string usual_option(const std::string& name) {
  constexpr std::pair<std::string_view, std::string_view> kOthers[] = {
      {"sep", "delimiter"},
      {"separator", "delimiter"},
      {"delim", "delimiter"},
      {"target", "label"},
      {"class", "label"},
      {"labels", "label"},
      {"label_column", "label"},
      {"na_values", "missing"},
      {"nan", "missing"},
      {"na", "missing"},
      {"index_col", "drop"},
      {"index", "drop"},
      {"ignore", "drop"},
      {"dec", "decimal"},
      {"handle_unknown", "unknown"},
      {"onehot", "categorical"},
      {"categories", "category"},
      {"shape", "image"},
      {"sample_rate", "rate"},
      {"sr", "rate"},
      {"seconds", "length"},
      {"duration", "length"},
      {"mels", "bands"},
      {"n_mels", "bands"},
      {"key", "x"},
      {"vocab", "vocabulary"}};
  for (const auto& [other, own] : kOthers) {
    if (name == other) return std::string(own);
  }
  return name;
}

// Words between commas; "\," is a comma inside a word.
std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words(1);
  for (std::size_t n = 0; n < text.size(); ++n) {
    if (text[n] == '\\' && n + 1 < text.size() && text[n + 1] == ',') {
      words.back() += text[++n];
    } else if (text[n] == ',') {
      words.emplace_back();
    } else {
      words.back() += text[n];
    }
  }
  return words;
}

bool is_option_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

void add_option(DataSpec& spec, const DataForm& form, const std::string& word, std::size_t equals) {
  const std::string name = word.substr(0, equals);
  if (std::find(form.options.begin(), form.options.end(), name) == form.options.end()) {
    if (form.options.empty()) {
      fail("data {}: '{}' has no options, found {}; remove it", quote_text(spec.text), form.name,
           quote_text(name));
    }
    fail("data {}: expected an option of '{}' ({}), found {}{}", quote_text(spec.text), form.name,
         join_names(form.options), quote_text(name),
         did_you_mean(usual_option(name), form.options));
  }
  if (equals + 1 == word.size()) {
    fail("data {}: expected a value after '{}=', found none; write {}", quote_text(spec.text), name,
         form.notation);
  }
  if (name != "drop" && name != "category" && spec.option(name)) {
    fail("data {}: expected option '{}' once, found it twice; remove one", quote_text(spec.text),
         name);
  }
  spec.options.emplace_back(name, word.substr(equals + 1));
}

void check_paths(const DataSpec& spec, const DataForm& form) {
  for (const std::string& path : spec.paths) {
    if (path.empty() || path.find('\0') != std::string::npos) {
      fail("data {}: expected a file name, found an empty one or a zero byte; write {}",
           quote_text(spec.text), form.notation);
    }
  }
  if (spec.paths.size() < form.min_paths || spec.paths.size() > form.max_paths) {
    fail("data {}: expected {}{} file names, found {}; write {}", quote_text(spec.text),
         form.min_paths,
         form.min_paths == form.max_paths ? "" : fmt::format(" or {}", form.max_paths),
         spec.paths.size(), form.notation);
  }
}

}  // namespace

std::optional<std::string> DataSpec::option(std::string_view name) const {
  for (const auto& [key, value] : options) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::vector<std::string> DataSpec::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : options) {
    if (key == name) values.push_back(value);
  }
  return values;
}

int DataSpec::number(std::string_view name, int low, int high, int fallback) const {
  const std::optional<std::string> value = option(name);
  if (!value) return fallback;
  int result = 0;
  const char* end = value->data() + value->size();
  const auto [rest, code] = std::from_chars(value->data(), end, result);
  if (code != std::errc{} || rest != end || result < low || result > high) {
    fail("data {}: expected {} as a whole number from {} to {}, found {}", quote_text(text), name,
         low, high, quote_text(*value));
  }
  return result;
}

std::string DataSpec::choice(std::string_view name, const std::vector<std::string>& choices) const {
  const std::optional<std::string> value = option(name);
  if (!value) return choices.front();
  if (std::find(choices.begin(), choices.end(), *value) == choices.end()) {
    fail("data {}: expected {} to be one of {}, found {}{}", quote_text(text), name,
         join_names(choices), quote_text(*value), did_you_mean(*value, choices));
  }
  return *value;
}

DataSpec parse_data_spec(std::string_view text, std::span<const DataForm> forms) {
  DataSpec spec;
  spec.text = std::string(text);
  const std::size_t colon = text.find_first_of(":,");
  const DataForm& form = find_form(text.substr(0, colon), forms);
  spec.form = form.name;
  std::vector<std::string> words;
  if (colon != std::string_view::npos) words = split_words(text.substr(colon + 1));
  if (form.max_paths == 0 && colon != std::string_view::npos && text[colon] == ':') {
    fail("data {}: expected no file name after '{}', found one; write {}", quote_text(text),
         form.name, form.notation);
  }
  for (std::size_t n = 0; n < words.size(); ++n) {
    // The first word of a form with files is a file whatever it looks like: "idx:a=b.gz".
    const std::size_t equals = words[n].find('=');
    const bool is_file = form.max_paths > 0 && n == 0;
    if (!is_file && equals != std::string::npos && is_option_name(words[n].substr(0, equals))) {
      add_option(spec, form, words[n], equals);
    } else {
      spec.paths.push_back(words[n]);
    }
  }
  check_paths(spec, form);
  return spec;
}

std::vector<std::string> data_spec_notations(std::span<const DataForm> forms) {
  std::vector<std::string> notations;
  for (const DataForm& form : forms) notations.emplace_back(form.notation);
  return notations;
}

}  // namespace metaplastic
