// Whitening by what changes between two views of an image, fitted without labels: directions in
// which views of one image differ are shrunk, and those that tell images apart are kept.
// docs/layers.md, "Whitening by views".
#pragma once

#include "apply/window_whitening.h"
#include "data/dataset.h"

namespace metaplastic {

// Directions that are kept at most.
inline constexpr int kMaxViewDirections = 512;
// Rows [N,K] that it is fitted on at most.
inline constexpr std::int64_t kMaxViewRows = 10'000;
// Inputs K at most.
inline constexpr int kMaxViewInputs = 8192;

// views [N,K]: a second view of each row, N >= 2. With S_w the covariance of a row about the mean
// of its two views, S the covariance of all, both of inputs divided by their deviations, and
// S_w + 0.3 (mean of S_w's diagonal) I = L L^T: the leading eigenvectors Q of L^-1 S L^-T give the
// matrix L^-T Q. This is linear discriminant analysis with every image as a class of its own.
// Cost: 4 N K^2 + 2 K^3 flops. Throws Error for more than kMaxViewInputs.
WindowWhitening fit_view_whitening(const RowSource& rows, const RowSource& views);

// Rows [N,M] in memory.
std::shared_ptr<const RowSource> whiten_rows(const RowSource& rows,
                                             const WindowWhitening& whitening);

}  // namespace metaplastic
