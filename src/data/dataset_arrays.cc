// The forms npy and npz: NumPy arrays, read from the file block by block.
#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "data/dataset_parts.h"
#include "data/dataset_rows.h"
#include "io/npy.h"

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

Dataset load_arrays(const DataSpec& spec, NpyReader values, const NpyReader* labels) {
  const std::string source = printable(values.source(), 400);
  const std::vector<std::int64_t> shape = values.shape();
  if (shape.size() < 2 || shape.size() > 4) {
    fail(
        "{}: expected an array [rows, numbers], [rows, height, width] or [rows, height, width, "
        "channels], found {} dimensions; reshape it",
        source, shape.size());
  }
  if (values.num_elements() == 0 || values.num_elements() / shape[0] > kMaxFeatures) {
    fail("{}: expected at least one row of 1 to {} numbers, found the shape [{}]", source,
         kMaxFeatures, fmt::join(shape, ", "));
  }
  const auto num_features = static_cast<int>(values.num_elements() / shape[0]);
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
  const float white = white_of(values.header());
  data.rows = std::make_shared<NpyRows>(std::move(values), num_features);
  apply_image_options(data, spec, source, white);
  if (labels == nullptr) return data;
  if (labels->num_elements() != shape[0] || labels->shape().empty() ||
      labels->shape()[0] != shape[0]) {
    fail(
        "{}: expected labels of the shape [{}], one per row, found [{}]; use labels of the same "
        "data",
        printable(labels->source(), 400), shape[0], fmt::join(labels->shape(), ", "));
  }
  set_labels(data, read_all_integers(*labels).values, printable(labels->source(), 400));
  return data;
}

// The first of the names that the file holds, "" if none.
std::string find_key(const NpzFile& file, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (file.contains(name)) return name;
  }
  return "";
}

}  // namespace

float white_of(const NpyType& type) {
  if (type.kind == NpyKind::kFloat || type.kind == NpyKind::kBool) return 1;
  return type.kind == NpyKind::kUnsigned && type.item_bytes == 2 ? 65535 : 255;
}

Dataset load_npy(const DataSpec& spec) {
  NpyReader values(spec.paths[0]);
  if (spec.paths.size() == 1) return load_arrays(spec, std::move(values), nullptr);
  const NpyReader labels(spec.paths[1]);
  return load_arrays(spec, std::move(values), &labels);
}

Dataset load_npz(const DataSpec& spec) {
  const NpzFile file(spec.paths[0], static_cast<std::uint64_t>(kMaxDataBytes));
  const std::string values = find_key(file, {"x", "X", "data", "arr_0"});
  if (values.empty()) {
    std::vector<std::string> names;
    for (const std::string& name : file.names()) names.push_back(quote_text(name));
    if (names.size() > 8) names.resize(8);
    fail("{}: expected an array named x, X, data or arr_0, found {}; rename it",
         printable(spec.paths[0], 400), names.empty() ? "no array" : join_names(names));
  }
  const std::string labels = find_key(file, {"y", "labels", "target"});
  if (labels.empty()) return load_arrays(spec, file.open(values), nullptr);
  const NpyReader opened = file.open(labels);
  return load_arrays(spec, file.open(values), &opened);
}

}  // namespace metaplastic
