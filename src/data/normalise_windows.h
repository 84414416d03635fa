// How a conv layer's windows of images and signals are prepared, when it is trained and when it
// runs.
#pragma once

#include <cstdint>

namespace metaplastic {

// In place, for each of `count` windows [count,size]: less its mean, over its deviation + offset.
void normalise_windows(float* windows, std::int64_t count, std::int64_t size, float offset);

}  // namespace metaplastic
