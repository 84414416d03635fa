// Two views of every example (views = "two" or "neighbours"): the batch holds each example and a
// noisy copy of it or of an example near by, and a neuron is told what the other view's activation
// has that its own does not predict.
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

// Examples among which neighbours are looked for, with what can be computed of them alone: they
// serve kRule.neighbour_pool_steps inner steps.
class NeighbourPool {
 public:
  NeighbourPool() = default;  // of none
  // examples [U,P]: kept as a reference.
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
  // For each column of batch [U,B] the index of the nearest example that differs from it; P where
  // none does.
  std::vector<std::size_t> nearest_others(std::span<const float> batch, std::size_t U) const;

 private:
  std::span<const float> examples_;
  bool by_shape_ = false;
  std::vector<float> shapes_;   // [U,P], by shape
  std::vector<float> squares_;  // [P], of the lengths of what is compared
  std::optional<std::uint32_t> number_;
};

// batch [U,B] -> [U,2B]: the examples, then a second view of each in the same order. Without a pool
// that is the example itself plus normal noise whose deviation is kRule.view_noise times the root
// mean variance of the inputs over the batch. With a pool [U,P] of examples it is the nearest of
// them that differs from the example (the first one of equals; the example itself when none
// differs), plus noise of kRule.neighbour_noise. Where no input of the pool is negative (images,
// bags of words) near means a high correlation over the inputs, so that brightness and contrast do
// not count; else (tables are standardised) a small distance. The noise is a function of `random`.
// Cost: U B P.
void add_second_views(std::span<const float> batch, const NeighbourPool& pool, int num_inputs,
                      Random random, std::span<float> views);

// [U,1,B] each, of a layer with standardised activations s [U,1,B], B even.
template <class T>
struct ViewSignals {
  Var<T> surprise;  // the partner's activation, less what the own one predicts of it
  Var<T> shared;    // what the partner's other units have in common with this one, likewise
};
// Cost: 2 products of U U B.
template <class T>
ViewSignals<T> view_signals(Tape<T>& tape, const Var<T>& s);

}  // namespace metaplastic
