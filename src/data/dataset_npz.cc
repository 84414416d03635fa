// The form npz: which of the file's arrays are rows, labels, and an official test set.
#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "data/dataset_arrays.h"
#include "data/dataset_parts.h"
#include "data/dataset_rows.h"

namespace metaplastic {
namespace {

// Names of rows, labels, rows of a test set and its labels that people give; the first whose rows
// are there counts. Upper and lower case are taken as equal.
struct KeyFamily {
  const char* values;
  std::vector<const char*> labels;
  const char* test_values = nullptr;
  const char* test_labels = nullptr;
};

const std::vector<KeyFamily>& key_families() {
  const std::vector<const char*> labels = {"y", "labels", "target", "label", "targets", "classes"};
  static const std::vector<KeyFamily> kFamilies = {
      {"x", labels},
      {"data", labels},
      {"arr_0", {"y", "labels", "target", "arr_1"}},
      {"x_train", {"y_train"}, "x_test", "y_test"},
      {"train_x", {"train_y"}, "test_x", "test_y"},
      {"train_images", {"train_labels"}, "test_images", "test_labels"},
      {"train_data", {"train_labels"}, "test_data", "test_labels"},
      {"images", labels},
      {"features", labels},
      {"inputs", labels},
  };
  return kFamilies;
}

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// The array of this name, "" if there is none; one in the same case before others.
std::string find_key(const NpzFile& file, const char* name) {
  if (name == nullptr) return "";
  if (file.contains(name)) return name;
  for (const std::string& other : file.names()) {
    if (lower_case(other) == name) return other;
  }
  return "";
}

// The names that were chosen; "" where there is none.
struct Keys {
  std::string values, labels, test_values, test_labels;
};

std::string list_names(const std::vector<std::string>& all) {
  std::vector<std::string> names;
  for (const std::string& name : all) names.push_back(quote_text(name));
  if (names.size() > 8) names.resize(8);
  return names.empty() ? "no array" : join_names(names);
}

Keys choose_keys(const DataSpec& spec, const NpzFile& file, const std::string& source) {
  Keys keys;
  for (const auto& [option, key] : {std::pair{"x", &keys.values}, std::pair{"y", &keys.labels}}) {
    const auto wanted = spec.option(option);
    if (!wanted) continue;
    if (!file.contains(*wanted)) {
      fail("{}: expected {}= to name one of its arrays, found {}; it has {}", source, option,
           quote_text(*wanted), list_names(file.names()));
    }
    *key = *wanted;
  }
  for (const KeyFamily& family : key_families()) {
    const std::string values = find_key(file, family.values);
    if (values.empty() || (!keys.values.empty() && keys.values != values)) continue;
    keys.values = values;
    for (const char* name : family.labels) {
      if (keys.labels.empty()) keys.labels = find_key(file, name);
    }
    keys.test_values = find_key(file, family.test_values);
    if (!keys.test_values.empty()) keys.test_labels = find_key(file, family.test_labels);
    break;
  }
  if (keys.values.empty()) {
    fail("{}: expected an array named x, X, data, x_train or arr_0, found {}; give x=NAME{}",
         source, list_names(file.names()), file.names().size() > 1 ? " and y=NAME" : "");
  }
  return keys;
}

// arr_1 is a label only where it looks like one: savez without names may hold anything.
void drop_unlikely_labels(const NpzFile& file, const NpyReader& values, Keys& keys) {
  if (keys.labels != "arr_1") return;
  const NpyReader labels = file.open(keys.labels);
  const bool likely = !values.shape().empty() && !labels.shape().empty() &&
                      labels.num_elements() == values.shape()[0] &&
                      labels.shape()[0] == values.shape()[0];
  if (!likely) keys.labels.clear();
}

void note_other_arrays(const NpzFile& file, const Keys& keys, Dataset& data) {
  std::vector<std::string> others;
  for (const std::string& name : file.names()) {
    if (name != keys.values && name != keys.labels && name != keys.test_values &&
        name != keys.test_labels) {
      others.push_back(name);
    }
  }
  if (others.empty()) return;
  data.notes.push_back(fmt::format(
      "rows are read from {}{}; left out: {}", quote_text(keys.values),
      keys.labels.empty() ? "" : ", labels from " + quote_text(keys.labels), list_names(others)));
}

// The test rows behind the others, and their labels, if they have some, behind those.
void append_test_rows(const NpzFile& file, const Keys& keys, Dataset& data, LabelValues& labels) {
  const Dataset test = array_dataset(file.open(keys.test_values));
  if (!(test.image == data.image) || test.num_features() != data.num_features()) {
    data.notes.push_back(
        fmt::format("left out: {}, whose rows have another shape", quote_text(keys.test_values)));
    return;
  }
  const std::int64_t num_rows = data.num_rows();
  data.rows = std::make_shared<ConcatRows>(data.rows, test.rows);
  if (keys.labels.empty()) return;
  if (keys.test_labels.empty()) {
    labels.append_missing(test.num_rows());
  } else {
    data.first_test_row = num_rows;
    labels.append(read_labels(file.open(keys.test_labels), test.num_rows()));
  }
}

}  // namespace

Dataset load_npz(const DataSpec& spec) {
  const std::string source = printable(spec.paths[0], 400);
  const NpzFile file(spec.paths[0], static_cast<std::uint64_t>(kMaxDataBytes));
  Keys keys = choose_keys(spec, file, source);
  NpyReader values = file.open(keys.values);
  drop_unlikely_labels(file, values, keys);
  const float white = white_of(values.header());
  Dataset data = array_dataset(std::move(values));
  LabelValues labels;
  if (!keys.labels.empty()) {
    labels = try_read_labels([&] { return file.open(keys.labels); }, data.num_rows());
  }
  if (!keys.test_values.empty()) append_test_rows(file, keys, data, labels);
  apply_row_options(data, spec, source, white);
  note_other_arrays(file, keys, data);
  if (!keys.labels.empty()) labels.set(data, source);
  return data;
}

}  // namespace metaplastic
