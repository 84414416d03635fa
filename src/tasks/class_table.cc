#include "tasks/class_table.h"

#include <algorithm>

#include "data/preprocess.h"

namespace metaplastic {
namespace {

class RowClassSet : public ClassSet {
 public:
  RowClassSet(std::shared_ptr<const ClassTable> table, int num_classes, Random& random)
      : table_(std::move(table)), rows_(table_->rows_of_class) {
    random.shuffle(std::span(rows_));
    rows_.resize(static_cast<std::size_t>(num_classes));
    for (std::vector<int>& rows : rows_) random.shuffle(std::span(rows));
  }
  int num_classes() const override { return static_cast<int>(rows_.size()); }
  bool has_real_rows() const override { return true; }
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
  std::shared_ptr<const ClassTable> table_;
  std::vector<std::vector<int>> rows_;  // [classes of the task][instances]
};

}  // namespace

ClassTable table_of(const Dataset& data, int image_side) {
  PreprocessOptions options;
  if (data.kind == DataKind::kImage && std::max(data.image.height, data.image.width) > image_side) {
    options.resize = image_side;
  }
  const Preprocess preprocess = fit_preprocess(data, options);
  ClassTable table;
  table.num_inputs = preprocess.num_inputs();
  table.rows = apply_preprocess(preprocess, data);
  return table;
}

std::unique_ptr<ClassSet> draw_from_table(std::shared_ptr<const ClassTable> table, int num_classes,
                                          Random& random) {
  return std::make_unique<RowClassSet>(std::move(table), num_classes, random);
}

}  // namespace metaplastic
