// Inner steps as when a rule is applied: from the first one on, without a gradient, averaged.
#pragma once

#include <set>
#include <span>
#include <vector>

#include "meta/meta_config.h"
#include "meta/trajectory.h"

namespace metaplastic {

struct InnerRun {
  std::vector<std::vector<float>> states;  // the mean of phi at every stop, in order
  float inputs = 1;                        // what inputs count beside features (RuleSettings)
};

// theta [P] for num_steps from phi [phi_size], with what it makes of the data's traits. data:
// started at step 0, with K = 1.
InnerRun run_inner(const MetaConfig& config, std::span<const float> theta,
                   const Architecture& architecture, std::vector<float> phi, int num_steps,
                   const std::set<int>& stops, TaskData& data, Tape<float>& tape);

}  // namespace metaplastic
