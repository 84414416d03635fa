// Conv features of a baseline as `learned` reads its own where a dense layer whitens: by views.
// docs/layers.md, "Whitening by views".
#pragma once

#include <span>
#include <vector>

#include "eval/method.h"

namespace metaplastic {

// For each candidate that reads images: its features, their whitened values, and both side by side.
// Candidates of more than kMaxViewInputs features stay as they are. `images` have the shape
// context.image.
std::vector<FeatureCandidate> with_whitened_views(std::span<const FeatureCandidate> candidates,
                                                  const RowSource& images,
                                                  const MethodContext& context, int trial);

}  // namespace metaplastic
