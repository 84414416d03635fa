// One update of theta from the truncations of an outer step, whoever made them: threads of this
// process, ranks of MPI, or callers from Python. [paper: section 3.4; docs/method.md]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "meta/checkpoint.h"
#include "meta/estimate_slot.h"
#include "meta/outer_metrics.h"

namespace metaplastic {

// One truncation, done.
struct Report : SlotEstimate {
  int slot = 0;
  std::int64_t outer_step = 0;  // of the theta it was made with
  double data_seconds = 0;
  std::vector<float> gradient;  // [P], clipped; empty when not finite
};

// Makes a raw gradient ready to be sent: clipped (outer.clip_truncation), dropped if not finite.
void finish_report(const OuterConfig& config, Report& report);

// One line about a truncation that was not finite: which task, and how far it came.
std::string describe_non_finite(const Report& report, const TaskDistribution& tasks,
                                std::uint64_t seed);

// The mean over the finite reports, added up in their order: the same bits whoever made them, when
// the order is the same. gradient [P] is zero when none was finite. outer_step: updates before
// this.
OuterMetrics mean_gradient(const std::vector<Report>& reports, std::int64_t outer_step,
                           std::vector<float>& gradient);

// Mean gradient, outer.trained, clipping, Adam; counts in `state` what was not finite. Synchronous
// reports are taken in the order of their slots, asynchronous ones in the order given.
OuterMetrics outer_update(const MetaConfig& config, std::vector<Report> reports, RunState& state);

}  // namespace metaplastic
