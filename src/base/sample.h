// Drawing without replacement.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"

namespace metaplastic {

// `count` different numbers of 0..size-1, 0 <= count <= size, size < 2^32; every set is equally
// likely (Floyd's algorithm, memory of `count`). In the order drawn, which is not uniform.
std::vector<std::int64_t> sample_without_replacement(Random& random, std::int64_t size,
                                                     std::int64_t count);

// The same, ascending; all numbers when count >= size.
std::vector<std::int64_t> sorted_sample(Random& random, std::int64_t size, std::int64_t count);

}  // namespace metaplastic
