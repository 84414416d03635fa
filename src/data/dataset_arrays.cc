#include "data/dataset_arrays.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "data/csv_cells.h"
#include "data/dataset_parts.h"
#include "data/dataset_rows.h"

namespace metaplastic {
namespace {

constexpr std::int64_t kMaxFeatures = 1 << 26;

// Rows of an array of 2 to 4 dimensions.
class NpyRows : public RowSource {
 public:
  NpyRows(NpyReader reader, int num_features)
      : reader_(std::move(reader)), num_features_(num_features) {}
  std::int64_t num_rows() const override { return reader_.shape()[0]; }
  int num_features() const override { return num_features_; }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override {
    check_row_range(*this, first, count, out);
    reader_.read_floats(first * num_features_, out);
  }
  bool is_wide() const override { return reader_.header().is_wide(); }
  void read_wide_rows(std::int64_t first, std::int64_t count,
                      std::span<double> out) const override {
    check_row_range(*this, first, count, out.size());
    reader_.read_doubles(first * num_features_, out);
  }

 private:
  NpyReader reader_;
  int num_features_;
};

std::vector<std::string> as_strings(const LabelValues& labels) {
  std::vector<std::string> strings;
  if (const auto* names = std::get_if<std::vector<std::string>>(&labels.values)) return *names;
  if (const auto* numbers = std::get_if<std::vector<double>>(&labels.values)) {
    for (const double value : *numbers) {
      strings.push_back(std::isnan(value) ? "" : fmt::format("{}", value));
    }
    return strings;
  }
  for (const std::int64_t value : std::get<std::vector<std::int64_t>>(labels.values)) {
    strings.push_back(std::to_string(value));
  }
  return strings;
}

}  // namespace

Dataset dataset_of_shape(const std::vector<std::int64_t>& shape, const std::string& source) {
  if (shape.size() < 2 || shape.size() > 4) {
    fail(
        "{}: expected an array [rows, numbers], [rows, height, width] or [rows, height, width, "
        "channels], found {} dimensions; reshape it",
        source, shape.size());
  }
  // Sizes come from a header that was checked against overflow.
  std::int64_t num_features = 1;
  for (std::size_t n = 1; n < shape.size(); ++n) num_features *= shape[n];
  if (shape[0] == 0 || num_features == 0 || num_features > kMaxFeatures) {
    fail("{}: expected at least one row of 1 to {} numbers, found the shape [{}]", source,
         kMaxFeatures, fmt::join(shape, ", "));
  }
  Dataset data;
  if (shape.size() > 2) {
    const auto channels = shape.size() == 4 ? shape[3] : 1;
    if (channels != 1 && channels != 3) {
      fail(
          "{}: expected 1 or 3 channels as the last dimension, found {}; order the axes [rows, "
          "height, width, channels]",
          source, channels);
    }
    data.kind = DataKind::kImage;
    data.image = {static_cast<int>(shape[1]), static_cast<int>(shape[2]),
                  static_cast<int>(channels)};
  } else {
    for (int n = 0; n < num_features; ++n) data.column_names.push_back(std::to_string(n));
  }
  return data;
}

Dataset array_dataset(NpyReader values) {
  const std::string source = printable(values.source(), 400);
  if (values.header().is_text()) {
    fail("{}: expected numbers, found an array of strings; are these the labels?", source);
  }
  Dataset data = dataset_of_shape(values.shape(), source);
  const std::int64_t num_features = values.num_elements() / values.shape()[0];
  data.rows = std::make_shared<NpyRows>(std::move(values), static_cast<int>(num_features));
  return data;
}

void LabelValues::append(const LabelValues& more) {
  if (unusable.empty()) unusable = more.unusable;
  if (values.index() != more.values.index()) {
    std::vector<std::string> all = as_strings(*this);
    for (std::string& name : as_strings(more)) all.push_back(std::move(name));
    values = std::move(all);
    return;
  }
  std::visit(
      [&]<class T>(std::vector<T>& own) {
        const auto& others = std::get<std::vector<T>>(more.values);
        own.insert(own.end(), others.begin(), others.end());
      },
      values);
}

void LabelValues::append_missing(std::int64_t count) {
  const auto number = static_cast<std::size_t>(count);
  if (auto* names = std::get_if<std::vector<std::string>>(&values)) {
    names->resize(names->size() + number);
  } else if (auto* doubles = std::get_if<std::vector<double>>(&values)) {
    doubles->resize(doubles->size() + number, std::numeric_limits<double>::quiet_NaN());
  } else {
    auto& integers = std::get<std::vector<std::int64_t>>(values);
    integers.resize(integers.size() + number, -1);
  }
}

void LabelValues::set(Dataset& data, const std::string& source) const {
  data.unusable_labels = unusable;
  if (!unusable.empty()) return;
  std::visit([&](const auto& own) { set_labels(data, own, source); }, values);
}

LabelValues read_labels(const NpyReader& labels, std::int64_t num_rows) {
  const std::string source = printable(labels.source(), 400);
  const std::vector<std::int64_t>& shape = labels.shape();
  const std::string found = fmt::format(
      "{}: expected labels of the shape [{}], one per row, found [{}]; use labels of the same data",
      source, num_rows, fmt::join(shape, ", "));
  if (shape.empty() || shape[0] != num_rows) fail("{}", found);
  LabelValues result;
  if (labels.num_elements() != num_rows) {
    result.unusable = found + ", or argmax(axis=1) of one-hot labels";
    return result;
  }
  const auto count = static_cast<std::size_t>(num_rows);
  if (labels.header().is_text()) {
    std::vector<std::string> names(count);
    labels.read_strings(0, names);
    for (std::string& name : names) {
      const std::string_view text = trim(name);
      name = is_missing(text) ? "" : std::string(text);
    }
    result.values = std::move(names);
  } else if (labels.header().kind == NpyKind::kFloat) {
    std::vector<double> numbers(count);
    labels.read_doubles(0, numbers);
    result.values = std::move(numbers);
  } else {
    std::vector<std::int64_t> numbers(count);
    labels.read_integers(0, numbers);
    result.values = std::move(numbers);
  }
  return result;
}

LabelValues try_read_labels(const std::function<NpyReader()>& open, std::int64_t num_rows) {
  std::optional<NpyReader> labels;
  LabelValues result;
  try {
    labels.emplace(open());
  } catch (const Error& error) {
    result.unusable = error.what();
    return result;
  }
  return read_labels(*labels, num_rows);
}

float white_of(const NpyType& type) {
  if (type.kind == NpyKind::kFloat || type.kind == NpyKind::kBool) return 1;
  return type.kind == NpyKind::kUnsigned && type.item_bytes == 2 ? 65535 : 255;
}

Dataset load_npy(const DataSpec& spec) {
  NpyReader values(spec.paths[0]);
  const float white = white_of(values.header());
  Dataset data = array_dataset(std::move(values));
  apply_row_options(data, spec, printable(spec.paths[0], 400), white);
  if (spec.paths.size() == 1) return data;
  const std::string& path = spec.paths[1];
  std::error_code error;
  // A file that is not there is a slip of the pen; what it holds may be of no use as labels.
  if (!std::filesystem::exists(path, error)) NpyReader{path};
  try_read_labels([&] { return NpyReader(path); }, data.num_rows()).set(data, printable(path, 400));
  return data;
}

}  // namespace metaplastic
