// Generated tables: rows whose columns are mixtures of a few hidden factors, in which the classes
// differ, with columns of noise, skewed, rounded and heavy-tailed columns, standardised as
// preprocess.h does it. Every task invents its own generator, so none ever returns; the shapes of
// the classes in meta-validation are other ones than those of meta-training.
#pragma once

#include <limits>
#include <memory>
#include <span>
#include <string_view>

#include "tasks/task_family.h"

namespace metaplastic {

// What a class looks like in the space of the hidden factors.
enum class TableShape {
  kClusters,    // one to three round clusters
  kEllipsoids,  // a Gaussian with a covariance of its own
  kSubspaces,   // a plane of one to three dimensions
  kShells,      // a sphere of its own radius
  kCurves,      // a closed curve; held out
  kPolytopes,   // mixtures of three to five corners; held out
};
std::span<const TableShape> table_shapes(Split split);

class TableFamily : public TaskFamily {
 public:
  // A task has min_inputs to max_inputs columns (log-uniform).
  TableFamily(int min_inputs, int max_inputs) : min_inputs_(min_inputs), max_inputs_(max_inputs) {}

  std::string_view name() const override { return "tables"; }
  std::string describe() const override { return "tables: generated, version 1"; }
  int max_classes(Split) const override { return std::numeric_limits<int>::max(); }
  std::unique_ptr<ClassSet> draw_classes(Split split, int num_classes,
                                         Random& random) const override;
  // The same with a given shape.
  std::unique_ptr<ClassSet> draw_classes(TableShape shape, int num_classes, Random& random) const;

 private:
  int min_inputs_, max_inputs_;
};

}  // namespace metaplastic
