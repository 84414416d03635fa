// The hidden factors behind the rows of a generated table (table_family.h).
#pragma once

#include <span>
#include <vector>

#include "tasks/table_family.h"

namespace metaplastic {

// num_factors numbers per row: the first num_signals depend on the class, the others do not.
class TableLatent {
 public:
  TableLatent(TableShape shape, int num_classes, Random& random);
  int num_factors() const { return num_signals_ + num_nuisances_; }
  int num_signals() const { return num_signals_; }
  // factors [num_factors].
  void draw(int class_index, Random& random, std::span<float> factors) const;

 private:
  struct Class {
    std::vector<float> centre;      // [num_signals]
    std::vector<float> directions;  // [num_directions, num_signals]: what shape makes of them
    int num_directions = 0;
    float radius = 1;
  };
  Class draw_class(int class_index, int num_classes, Random& random) const;
  void draw_signals(const Class& chosen, Random& random, std::span<float> out) const;

  TableShape shape_;
  int num_signals_, num_nuisances_;
  float separation_;  // of the classes' centres
  float spread_;      // of the rows around their shape
  bool bimodal_;      // nuisances: clusters that have nothing to do with the classes
  std::vector<Class> classes_;
};

}  // namespace metaplastic
