// Second views (views = "two" or "neighbours"): a batch holds each example and a noisy copy of it,
// or of an example that a walk over near ones leads to. rule/view_signals.h compares the two.
// [docs/method.md, "Two views"; not in the paper]
#pragma once

#include <cstddef>
#include <span>

#include "base/random.h"
#include "neighbours/neighbour_pool.h"

namespace metaplastic {

// batch [U,B] -> [U,2B]: the examples, then a second view of each in the same order. Without a pool
// that is the example itself plus normal noise whose deviation is kNeighbourhood.view_noise times
// the root mean variance of the inputs over the batch. With a pool it is where a walk over the
// pool's examples ends (the example itself when none differs), plus noise of pool.noise(). Walk and
// noise are functions of `random`. `nearest`: what pool.nearest(batch) gives; empty: not known, and
// searched for. With partners [B,U] the second view of an example is its partner plus that noise,
// and nobody walks.
void add_second_views(std::span<const float> batch, const NeighbourPool& pool,
                      std::span<const std::size_t> nearest, int num_inputs, Random random,
                      std::span<float> views, std::span<const float> given_partners = {});

}  // namespace metaplastic
