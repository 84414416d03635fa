#include "tasks/array_family.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"

namespace metaplastic {
namespace {

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
  ClassTable all = table_of(data, image_side);
  ClassTable train = all, validation = std::move(all);
  for (int c = 0; c < data.num_classes(); ++c) {
    std::vector<int> parts[2];
    std::size_t n = 0;
    for (std::size_t row = 0; row < data.labels.size(); ++row) {
      if (data.labels[row] != c) continue;
      parts[is_held_out(n++, static_cast<double>(held_out_share)) ? 1 : 0].push_back(
          static_cast<int>(row));
    }
    if (parts[0].size() >= ClassTable::kMinRows) train.rows_of_class.push_back(std::move(parts[0]));
    if (parts[1].size() >= ClassTable::kMinRows)
      validation.rows_of_class.push_back(std::move(parts[1]));
  }
  for (const ClassTable* table : {&train, &validation}) {
    if (table->rows_of_class.size() >= 2) continue;
    fail(
        "tasks.images '{}': expected at least 2 classes of {} rows or more for meta-training and "
        "as many held out, found {}; use more rows, or raise tasks.held_out_share",
        name_, ClassTable::kMinRows, table->rows_of_class.size());
  }
  Sha256 digest;
  digest.update(std::as_bytes(std::span(train.rows)));
  digest.update(std::as_bytes(std::span(data.labels)));
  description_ =
      fmt::format("{}: {} rows of {} numbers, {} classes, sha256 {}", name_, data.num_rows(),
                  train.num_inputs, data.num_classes(), digest.hex_digest());
  train_ = std::make_shared<ClassTable>(std::move(train));
  validation_ = std::make_shared<ClassTable>(std::move(validation));
}

std::unique_ptr<ClassSet> ArrayFamily::draw_classes(Split split, int num_classes,
                                                    Random& random) const {
  METAPLASTIC_CHECK(num_classes <= max_classes(split));
  return draw_from_table(table(split), num_classes, random);
}

std::string ArrayFamily::describe() const { return description_; }

}  // namespace metaplastic
