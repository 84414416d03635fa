// Two views of every example (views = "two" or "neighbours"): the batch holds each example and a
// noisy copy of it or of an example that a walk over near ones leads to, and a neuron is told what
// the other view's activation has that its own does not predict.
// [docs/method.md, "Two views"; not in the paper]
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "rule/constants.h"
#include "tensor/ops.h"

namespace metaplastic {

// Examples among which neighbours are looked for, with the neighbours of each: they serve
// kRule.neighbour_pool_steps inner steps.
class NeighbourPool {
 public:
  NeighbourPool() = default;  // of none
  // examples [U,P]: kept as a reference. Cost: U P P where near means a high correlation, else U P.
  NeighbourPool(std::span<const float> examples, int num_inputs);

  // Takes draw(number) -> examples [U,P] where the inner step wants those of another number.
  template <class Draw>
  void prepare(std::uint32_t step, int num_inputs, const Draw& draw) {
    const std::uint32_t number = step / static_cast<std::uint32_t>(kRule.neighbour_pool_steps);
    if (number_ == number) return;
    *this = NeighbourPool(draw(number), num_inputs);
    number_ = number;
  }

  std::span<const float> examples() const { return examples_; }
  // Where random walks from the columns of batch [U,B] end, indices [B]: every hop goes to one of
  // the kRule.neighbour_choices nearest examples that differ from where it starts, by even chance.
  // Where near means a high correlation, another hop follows so often that there are
  // kRule.neighbour_hops in the mean; else there is one. P where no example differs.
  std::vector<std::size_t> walk(std::span<const float> batch, Random& random) const;

 private:
  // Indices [B, neighbour_choices] of the nearest examples that differ, nearest first (the first
  // one of equals); fewer than that are repeated, P where there is none.
  std::vector<std::size_t> near(std::span<const float> batch) const;

  std::span<const float> examples_;
  std::size_t num_inputs_ = 0;
  bool by_shape_ = false;
  std::vector<float> shapes_;      // [U,P], by shape
  std::vector<float> squares_;     // [P], of the lengths of what is compared
  std::vector<std::size_t> near_;  // [P, neighbour_choices], of the examples, by shape
  std::optional<std::uint32_t> number_;
};

// batch [U,B] -> [U,2B]: the examples, then a second view of each in the same order. Without a pool
// that is the example itself plus normal noise whose deviation is kRule.view_noise times the root
// mean variance of the inputs over the batch. With a pool it is where a walk over the pool's
// examples ends (the example itself when none differs), plus noise of kRule.neighbour_noise. Where
// no input of the pool is negative (images, bags of words) near means a high correlation over the
// inputs, so that brightness and contrast do not count; else (tables are standardised) a small
// distance. Walk and noise are functions of `random`. Cost: U B P.
void add_second_views(std::span<const float> batch, const NeighbourPool& pool, int num_inputs,
                      Random random, std::span<float> views);

// [U,1,B] each, of a layer with standardised activations s [U,1,B], B even.
template <class T>
struct ViewSignals {
  Var<T> surprise;  // the partner's activation, less what the own one predicts of it
  Var<T> shared;    // what other units have in common with this one, likewise
};
// Which other units `shared` is about: the partner's, or those that see what the unit sees. Walks
// lead far: what two of their ends have in common fades as fast as what a unit should keep of it.
enum class OtherUnits { kPartner, kOwn };
// Cost: 2 products of U U B.
template <class T>
ViewSignals<T> view_signals(Tape<T>& tape, const Var<T>& s, OtherUnits others);

}  // namespace metaplastic
