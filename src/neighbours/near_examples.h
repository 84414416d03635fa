// Examples that are near one another, and how long random walks over them remember where they
// started.  [docs/method.md, "Two views"]
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "neighbours/constants.h"
#include "tensor/nearest_columns.h"

namespace metaplastic {

// How many near ones of each example count.
inline constexpr std::size_t kChoices = std::size_t{kNeighbourhood.choices};

// N examples and the coordinates in which they are near or far.
class LocatedExamples {
 public:
  LocatedExamples() = default;  // none
  // inputs [U,N]: kept as a reference. coordinates [k,N]. Panels serve a search in full. Threads,
  // if any, share the work.
  LocatedExamples(std::span<const float> inputs, int num_inputs, std::vector<float> coordinates,
                  bool with_panels = true, ThreadPool* threads = nullptr);

  std::size_t count() const { return squares_.size(); }                // N
  std::span<const float> inputs() const { return inputs_; }            // [U,N]
  std::span<const float> coordinates() const { return coordinates_; }  // [k,N]
  std::span<const float> square_lengths() const { return squares_; }   // [N], of coordinates
  // Whether example i is the same as example p of others, by inputs.
  bool equals(std::size_t i, const LocatedExamples& others, std::size_t p) const;
  const ColumnPanels& panels() const { return panels_; }  // of few coordinates

 private:
  // Square lengths and hashes of examples [first, last).
  void measure(std::size_t first, std::size_t last);

  std::span<const float> inputs_;
  std::vector<float> coordinates_, squares_;
  std::vector<std::uint64_t> hashes_;  // [N], of inputs: other hashes, other inputs
  ColumnPanels panels_;
};

// For each of `from` the kChoices of `others` with the smallest Euclidean distance between
// coordinates, leaving out such as have equal inputs: indices [N,kChoices], nearest first (the
// first one of equals). Fewer than that are repeated; others.count() where there is none. Cost: k N
// P, shared by the threads if there are any.
std::vector<std::size_t> nearest_others(const LocatedExamples& from, const LocatedExamples& others,
                                        ThreadPool* threads = nullptr);

// How well walks over the graph of neighbours remember where they started: the sum of the 16
// largest eigenvalues of D^-1/2 (A + A^T) D^-1/2, A the adjacency that near [P,kChoices] lists
// and D the degrees of A + A^T; 16 where the examples fall into so many unconnected parts. Each
// such eigenvalue is what one hop keeps of a mode. Approximate, from below
// (tensor/leading_space.h:leading_sum). Threads, if any, share the products.
double walk_memory(std::span<const std::size_t> near, std::size_t num_examples,
                   ThreadPool* threads = nullptr);

}  // namespace metaplastic
