// The three kinds of examples that the distance metric tells apart.
#pragma once

#include <array>
#include <string_view>

namespace metaplastic {

// distances: some input is negative, as in standardised tables. shapes: none is, as in images.
// sparse: none is, and nearly all are at rest, as in bags of words (sparse_inputs.h).
enum class ExampleKind : int { kDistances, kShapes, kSparse, kCount };
inline constexpr std::size_t kNumExampleKinds = static_cast<std::size_t>(ExampleKind::kCount);
inline constexpr std::array<std::string_view, kNumExampleKinds> kExampleKindNames = {
    "distances", "shapes", "sparse"};

}  // namespace metaplastic
