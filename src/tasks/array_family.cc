#include "tasks/array_family.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "data/preprocess.h"

namespace metaplastic {
namespace {

using Table = ArrayFamily::Table;

class ArrayClassSet : public ClassSet {
 public:
  ArrayClassSet(std::shared_ptr<const Table> table, int num_classes, Random& random)
      : table_(std::move(table)), rows_(table_->rows_of_class) {
    random.shuffle(std::span(rows_));
    rows_.resize(static_cast<std::size_t>(num_classes));
    for (std::vector<int>& rows : rows_) random.shuffle(std::span(rows));
  }
  int num_classes() const override { return static_cast<int>(rows_.size()); }
  int num_inputs() const override { return table_->num_inputs; }
  int num_instances(int c) const override {
    return static_cast<int>(rows_[static_cast<std::size_t>(c)].size());
  }
  void instance(int class_index, int instance_index, Random&, std::span<float> out) const override {
    const int row =
        rows_[static_cast<std::size_t>(class_index)][static_cast<std::size_t>(instance_index)];
    std::copy_n(table_->rows.begin() + std::ptrdiff_t{row} * table_->num_inputs, table_->num_inputs,
                out.begin());
  }

 private:
  std::shared_ptr<const Table> table_;
  std::vector<std::vector<int>> rows_;  // [classes of the task][instances]
};

// Spreads the held-out rows of a class evenly over its rows.
bool is_held_out(std::size_t n, double share) {
  return std::floor(static_cast<double>(n + 1) * share) >
         std::floor(static_cast<double>(n) * share);
}

}  // namespace

ArrayFamily::ArrayFamily(const TaskSource& source, float held_out_share, int image_side)
    : name_(source.name) {
  const Dataset data = load_dataset(source.spec);
  if (data.labels.empty()) {
    fail("{}: expected labels for meta-training, found none; name them in the SPEC",
         printable(source.spec, 400));
  }
  PreprocessOptions options;
  if (data.kind == DataKind::kImage && std::max(data.image.height, data.image.width) > image_side) {
    options.resize = image_side;
  }
  const Preprocess preprocess = fit_preprocess(data, options);
  Table all;
  all.num_inputs = preprocess.num_inputs();
  all.rows = apply_preprocess(preprocess, data);
  Table train = all, validation = std::move(all);
  for (int c = 0; c < data.num_classes(); ++c) {
    std::vector<int> parts[2];
    std::size_t n = 0;
    for (std::size_t row = 0; row < data.labels.size(); ++row) {
      if (data.labels[row] != c) continue;
      parts[is_held_out(n++, static_cast<double>(held_out_share)) ? 1 : 0].push_back(
          static_cast<int>(row));
    }
    if (parts[0].size() >= kMinRows) train.rows_of_class.push_back(std::move(parts[0]));
    if (parts[1].size() >= kMinRows) validation.rows_of_class.push_back(std::move(parts[1]));
  }
  for (const Table* table : {&train, &validation}) {
    if (table->rows_of_class.size() >= 2) continue;
    fail(
        "tasks.images '{}': expected at least 2 classes of {} rows or more for meta-training and "
        "as many held out, found {}; use more rows, or raise tasks.held_out_share",
        name_, kMinRows, table->rows_of_class.size());
  }
  Sha256 digest;
  digest.update(std::as_bytes(std::span(train.rows)));
  digest.update(std::as_bytes(std::span(data.labels)));
  description_ =
      fmt::format("{}: {} rows of {} numbers, {} classes, sha256 {}", name_, data.num_rows(),
                  train.num_inputs, data.num_classes(), digest.hex_digest());
  train_ = std::make_shared<Table>(std::move(train));
  validation_ = std::make_shared<Table>(std::move(validation));
}

std::unique_ptr<ClassSet> ArrayFamily::draw_classes(Split split, int num_classes,
                                                    Random& random) const {
  METAPLASTIC_CHECK(num_classes <= max_classes(split));
  return std::make_unique<ArrayClassSet>(table(split), num_classes, random);
}

std::string ArrayFamily::describe() const { return description_; }

}  // namespace metaplastic
