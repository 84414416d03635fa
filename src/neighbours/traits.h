// Traits of a data set: what unlabelled examples say of themselves. A conditional rule
// (rule/resolve.h) reads its mix and settings from them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "neighbours/neighbour_pool.h"

namespace metaplastic {

inline constexpr std::size_t kNumTraits = 12;
using Traits = std::array<double, kNumTraits>;

// What a rule that follows the data is resolved by.
struct DataProfile {
  Traits traits{};
  ExampleKind kind = ExampleKind::kDistances;
};

// In the order of Traits.
std::span<const std::string_view> trait_names();

// Of the pool's examples, of which up to kTraitExamples, evenly spread, are looked at. num_rows: of
// the whole data set. Always finite. Cost: k n^2 and U n^2 for n examples.
inline constexpr std::size_t kTraitExamples = 768;
Traits measure_traits(const NeighbourPool& pool, std::int64_t num_rows);
// The kind alone where traits are not wanted: that costs nothing.
DataProfile profile_of(const NeighbourPool& pool, std::int64_t num_rows, bool with_traits);

}  // namespace metaplastic
