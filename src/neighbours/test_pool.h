// Small batches and pools of the tests of views and neighbours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "neighbours/constants.h"
#include "neighbours/near_examples.h"
#include "neighbours/neighbour_pool.h"

namespace metaplastic {

// Inputs, examples of a batch, examples of a pool.
inline constexpr std::size_t kU = 9, kB = 6, kP = 50;

inline Random test_random(std::uint32_t step) { return {1, Purpose::kTest, 7, step}; }

// [U,N] of 0 and 1, 1 with chance p.
inline std::vector<float> ones_and_zeros(std::size_t U, std::size_t N, float p) {
  std::vector<float> x(U * N);
  Random random = test_random(20);
  for (float& value : x) value = random.uniform() < p ? 1.0f : 0.0f;
  return x;
}

// [U,N], each example of its own brightness and contrast.
inline std::vector<float> images(std::size_t U, std::size_t N, std::uint32_t step) {
  std::vector<float> x(U * N);
  Random random = test_random(step);
  for (std::size_t n = 0; n < N; ++n) {
    const float least = random.uniform(), span = 0.1f + random.uniform();
    for (std::size_t u = 0; u < U; ++u) x[u * N + n] = least + span * random.uniform();
  }
  return x;
}

inline std::vector<float> normals(std::size_t size, std::uint32_t step) {
  std::vector<float> x(size);
  Random random = test_random(step);
  for (float& value : x) value = random.normal();
  return x;
}

// With the metric that its examples choose; keeps a reference to them.
inline NeighbourPool pool_of(const std::vector<float>& examples, int num_inputs) {
  return {examples, num_inputs, {examples, num_inputs}};
}

// How often the neighbours of examples x [U,N] at coordinates [k,N] are of their kind, n %
// num_kinds.
inline double share_of_own_kind(const std::vector<float>& x, int num_inputs,
                                std::vector<float> coordinates, std::size_t num_kinds) {
  const LocatedExamples examples(x, num_inputs, std::move(coordinates));
  const std::vector<std::size_t> near = nearest_others(examples, examples);
  double own = 0;
  for (std::size_t i = 0; i < near.size(); ++i)
    own += i / kChoices % num_kinds == near[i] % num_kinds;
  return own / static_cast<double>(near.size());
}

}  // namespace metaplastic
