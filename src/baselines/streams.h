// The streams of Purpose::kBaseline. Batches of a training use 2 run and 2 run + 1 (TrainingRows).
#pragma once

#include <cstdint>

namespace metaplastic {

inline constexpr std::uint64_t kWeightStream = std::uint64_t{1} << 40;    // step: the run
inline constexpr std::uint64_t kNoiseStream = std::uint64_t{2} << 40;     // + run; step: the step
inline constexpr std::uint64_t kEpisodeStream = std::uint64_t{3} << 40;   // + run; step: the step
inline constexpr std::uint64_t kCentroidStream = std::uint64_t{4} << 40;  // step: the run
inline constexpr std::uint64_t kViewStream = std::uint64_t{5} << 40;      // step: the run

}  // namespace metaplastic
