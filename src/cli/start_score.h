// What the rule that meta-training starts from does on the held-out tasks.
#pragma once

#include <cstdint>

#include "meta/validation.h"

namespace metaplastic {

// The validation that the run makes every so many steps, at step 0. Threads never change the
// result.
ValidationResult score_start(const MetaConfig& config, std::uint64_t seed, int num_threads);

}  // namespace metaplastic
