// Small batches and pools of the tests of views and neighbours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rule/neighbour_pool.h"

namespace metaplastic {

// Inputs, examples of a batch, examples of a pool.
inline constexpr std::size_t kU = 9, kB = 6, kP = 50;

inline Random test_random(std::uint32_t step) { return {1, Purpose::kTest, 7, step}; }

// With the metric that its examples choose; keeps a reference to them.
inline NeighbourPool pool_of(const std::vector<float>& examples, int num_inputs) {
  return {examples, num_inputs, {examples, num_inputs}};
}

}  // namespace metaplastic
