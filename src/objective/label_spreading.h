// Label spreading: labels flow along a graph of near examples, labelled or not.
//                                                                 [Zhou et al. 2004]
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace metaplastic {

// S = D^(-1/2) W D^(-1/2) of the symmetric graph in which each example is joined to its `choices`
// nearest ones, w = exp(-d^2 / (2 s^2)), s the mean distance over all of these; D the sums of rows
// of W. Entries of example i: [starts[i], starts[i+1]).
struct SpreadGraph {
  std::vector<std::int64_t> starts;
  std::vector<int> neighbours;
  std::vector<float> weights;
};
inline constexpr int kSpreadChoices = 10;

// features [M,F]. Cost 2 M^2 F flops, memory M choices numbers and a block of M.
SpreadGraph spread_graph(std::span<const float> features, int num_features, ThreadPool& pool,
                         int choices = kSpreadChoices);

// The classes of all examples [M]: the largest of scores after num_rounds of
//   scores <- alpha S scores + (1 - alpha) Y,  scores = Y at first,
// Y the one-hot labels of the support and 0 elsewhere; 0 where no label arrives.
std::vector<int> spread_labels(const SpreadGraph& graph, std::span<const int> labels,
                               int num_classes, std::span<const std::int64_t> support, double alpha,
                               int num_rounds = 50);

// What a search tries.
const std::vector<double>& spread_alphas();

}  // namespace metaplastic
