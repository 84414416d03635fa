// Two views of every example (views = "two" or "neighbours"): the batch holds each example and a
// noisy copy of it or of an example that a walk over near ones leads to, and a neuron is told what
// the other view's activation has that its own does not predict.
// [docs/method.md, "Two views"; not in the paper]
#pragma once

#include <cstddef>
#include <span>

#include "base/random.h"
#include "rule/neighbour_pool.h"
#include "tensor/ops.h"

namespace metaplastic {

// batch [U,B] -> [U,2B]: the examples, then a second view of each in the same order. Without a pool
// that is the example itself plus normal noise whose deviation is kRule.view_noise times the root
// mean variance of the inputs over the batch. With a pool it is where a walk over the pool's
// examples ends (the example itself when none differs), plus noise of pool.noise(). Walk and noise
// are functions of `random`. `places` and cost: NeighbourPool::walk.
void add_second_views(std::span<const float> batch, const NeighbourPool& pool,
                      std::span<const std::size_t> places, int num_inputs, Random random,
                      std::span<float> views);

// [U,1,B] each, of a layer with standardised activations s [U,1,B], B even.
template <class T>
struct ViewSignals {
  Var<T> surprise;  // the partner's activation, less what the own one predicts of it
  Var<T> shared;    // what other units have in common with this one, likewise
};
// Which other units `shared` is about: the partner's, or those that see what the unit sees. Walks
// lead far: what two of their ends have in common fades as fast as what a unit should keep of it.
enum class OtherUnits { kPartner, kOwn };
// Cost: 2 products of U U B, or of U B B where U > 8 B.
template <class T>
ViewSignals<T> view_signals(Tape<T>& tape, const Var<T>& s, OtherUnits others);

}  // namespace metaplastic
