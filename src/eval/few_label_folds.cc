#include "eval/few_label_folds.h"

#include <algorithm>

#include "base/error.h"
#include "base/random.h"

namespace metaplastic {
namespace {

// Stream of Purpose::kEvaluation, beside those of draws.cc and of the experiments.
constexpr std::uint64_t kFoldStream = std::uint64_t{10} << 32;

std::vector<std::vector<std::int64_t>> rows_by_class(const LabelledRows& labelled) {
  std::vector<std::vector<std::int64_t>> classes(labelled.num_classes());
  for (std::size_t n = 0; n < labelled.num_rows(); ++n) {
    classes[static_cast<std::size_t>(labelled.labels[n])].push_back(static_cast<std::int64_t>(n));
  }
  return classes;
}

}  // namespace

void check_labelled(const LabelledRows& labelled) {
  if (labelled.num_classes() < 2) {
    fail("labels: expected rows of at least 2 classes, found {}; label rows of another class",
         labelled.num_classes());
  }
}

Folds make_folds(const LabelledRows& labelled, const FewLabelOptions& options) {
  auto classes = rows_by_class(labelled);
  check_labelled(labelled);
  const auto n = static_cast<std::int64_t>(labelled.num_rows());
  Folds folds;
  for (std::size_t y = 0; y < classes.size(); ++y) {
    Random random(options.seed, Purpose::kEvaluation, kFoldStream + y);
    random.shuffle(std::span<std::int64_t>(classes[y]));
    const std::int64_t share = std::ssize(classes[y]) * std::min(n, options.max_rows) / n;
    classes[y].resize(static_cast<std::size_t>(std::max<std::int64_t>(1, share)));
    folds.rows.insert(folds.rows.end(), classes[y].begin(), classes[y].end());
  }
  std::ranges::sort(folds.rows);
  folds.num_folds = std::min(static_cast<int>(folds.rows.size()), options.folds);
  for (int r = 0; r < options.repeats; ++r) {
    Random random(options.seed, Purpose::kEvaluation, kFoldStream - 1,
                  static_cast<std::uint32_t>(r));
    std::vector<int> of_row(labelled.num_rows(), -1);
    std::size_t dealt = 0;  // goes on from class to class, so that folds are equally large
    for (auto& rows : classes) {
      random.shuffle(std::span<std::int64_t>(rows));
      for (const std::int64_t row : rows) {
        of_row[static_cast<std::size_t>(row)] = static_cast<int>(dealt++) % folds.num_folds;
      }
    }
    folds.of_row.push_back(std::move(of_row));
  }
  return folds;
}

}  // namespace metaplastic
