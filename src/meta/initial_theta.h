// Where the theta of a meta-training run starts.
#pragma once

#include <cstdint>
#include <vector>

#include "meta/meta_config.h"

namespace metaplastic {

// random, a classical rule, or a rule file of the same sizes (outer.init_rule).
std::vector<float> initial_theta(const MetaConfig& config, std::uint64_t seed);

// The same of a run that was made earlier; empty where it started from a rule file, which may have
// changed since.
std::vector<float> known_start(const MetaConfig& config, std::uint64_t seed);

}  // namespace metaplastic
