// Whitening of a conv layer's windows, fitted without labels: neighbouring pixels are nearly equal,
// and units that learn from raw windows all learn that. docs/layers.md, "Whitening".
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "apply/encoder.h"
#include "data/dataset.h"

namespace metaplastic {

// x -> (x - mean) M, M = E diag(1 / sqrt(value + 0.1 mean value)) E^T, of the covariance's
// eigenvalues and vectors E: the whitening that changes windows least (ZCA), with an offset that
// keeps noise small.                                            [Coates, Ng and Lee 2011, section
// 3]
// Of views (apply/view_whitening.h) the matrix keeps M <= K directions.
struct WindowWhitening {
  std::vector<float> mean;    // [K]
  std::vector<float> matrix;  // [K,M]; of windows symmetric, M = K

  int size() const { return static_cast<int>(mean.size()); }
  int num_directions() const { return static_cast<int>(matrix.size() / mean.size()); }
  // In place, windows [count,K]; M = K. `scratch` is resized.
  void apply(float* windows, std::int64_t count, std::vector<float>& scratch) const;
  // The layer for windows as they are, of a layer that learned from whitened ones.
  void fold_into(FoldedLayer& layer) const;
};

// Takes the mean from the weights of each unit. Normalised windows have mean 0, so this changes
// nothing but rounding: whitening would enlarge that of flat windows.
void centre_weights(FoldedLayer& layer);

// From up to 20,000 rows, a function of (rows, seed). Cost: 20,000 K^2 + 9 K^3 flops.
WindowWhitening fit_window_whitening(const RowSource& windows, std::uint64_t seed);

// Rows of windows, whitened when read.
class WhitenedRows : public RowSource {
 public:
  WhitenedRows(std::shared_ptr<const RowSource> rows,
               std::shared_ptr<const WindowWhitening> whitening)
      : rows_(std::move(rows)), whitening_(std::move(whitening)) {}
  std::int64_t num_rows() const override { return rows_->num_rows(); }
  int num_features() const override { return rows_->num_features(); }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;

 private:
  std::shared_ptr<const RowSource> rows_;
  std::shared_ptr<const WindowWhitening> whitening_;
};

}  // namespace metaplastic
