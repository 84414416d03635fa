// Squared distances between many columns, of which only the small ones are looked at: they stay in
// registers. For the search of neighbours.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace metaplastic {

// Columns to search among, in panels that the search reads in order.
class ColumnPanels {
 public:
  static constexpr int kWidth = 64;

  ColumnPanels() = default;  // none
  // columns [k,P] -> copies; squares [P], their squared lengths.
  ColumnPanels(std::span<const float> columns, std::span<const float> squares);

  int rank() const { return rank_; }  // k
  int num_panels() const { return static_cast<int>(squares_.size()) / kWidth; }
  const float* panel(int n) const { return values_.data() + std::ptrdiff_t{n} * rank_ * kWidth; }
  // Of columns beyond P infinity.
  const float* squares(int n) const { return squares_.data() + std::ptrdiff_t{n} * kWidth; }

 private:
  int rank_ = 0;
  std::vector<float> values_;   // [panels,k,kWidth]
  std::vector<float> squares_;  // [panels,kWidth]
};

// Sees distances[count] of a query to the columns from `first` on, some of them below
// bounds[query].
using DistanceSink = void (*)(void* self, int query, int first, int count, const float* distances);

// |b|^2 - 2 a b for every query a, a column of queries [k,m] with rows `ld` apart, and every column
// b. In the order of the columns the sink gets each group of them that has a distance below
// bounds[query]; it may lower that bound. a b is summed up over k in order. Cost 2 k m P flops.
struct ColumnScan {
  const float* queries;
  std::ptrdiff_t ld;
  int m;
  const ColumnPanels& columns;
  float* bounds;  // [m]
  DistanceSink sink;
  void* self;
  int first_panel = 0;
  // From this panel on the other way too, of the same products: |a|^2 - 2 a b against bounds of the
  // columns. back_sink gets the groups that have such a distance; it may lower these bounds.
  int first_back_panel = std::numeric_limits<int>::max();
  const float* query_squares = nullptr;  // [m], |a|^2
  const float* column_bounds = nullptr;  // [panels,kWidth], of columns beyond P -infinity
  DistanceSink back_sink = nullptr;
};
void scan_distances(const ColumnScan& scan);

}  // namespace metaplastic
