// The reduction: many truncations' gradients into the one that the outer optimizer takes.
#pragma once

#include <vector>

#include "meta/outer_metrics.h"
#include "meta/protocol.h"

namespace metaplastic {

// The mean over the finite reports, added up in their order: the same bits whoever made them, when
// the order is the same. gradient [P] is zero when none was finite. outer_step: updates before
// this.
OuterMetrics mean_gradient(const std::vector<Report>& reports, std::int64_t outer_step,
                           std::vector<float>& gradient);

}  // namespace metaplastic
