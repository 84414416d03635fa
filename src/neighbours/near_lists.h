// Examples in lists around centres (an inverted file): a search looks at the lists around its own
// alone, so that pools of a million examples can be searched. For pools above
// kNeighbourhood.exact_pool; smaller ones are searched in full (near_examples.h:nearest_others).
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "neighbours/near_examples.h"
#include "tensor/nearest_columns.h"

namespace metaplastic {

class NearLists {
 public:
  // 2 sqrt(P) centres by k-means on some of the examples. `all` is kept as a reference. The same
  // lists for any number of threads. Cost: 4 k P^1.5 flops.
  NearLists(const LocatedExamples& all, ThreadPool* threads);

  // As nearest_others(from, all), of those that the nearest kNeighbourhood.lists lists of each
  // query hold (recall: docs/performance.md). The same for any number of threads and whatever other
  // queries there are, but for equal distances. Cost: a share lists / count() of a full search, and
  // a search among the centres.
  std::vector<std::size_t> nearest(const LocatedExamples& from, ThreadPool* threads) const;

  std::size_t count() const { return panels_.size(); }

 private:
  void find_centres(ThreadPool* threads);
  void fill_lists(ThreadPool* threads);
  // The centre that is nearest to each column of coordinates [k,N].
  std::vector<std::uint32_t> nearest_centre(std::span<const float> coordinates, std::size_t N,
                                            ThreadPool* threads) const;
  using Visit = std::pair<std::uint32_t, std::uint32_t>;  // list, query
  // The lists that each of m queries, columns [k,m], looks at; in order.
  std::vector<Visit> visits_of(std::span<const float> columns, std::size_t m) const;
  // Neighbours of these queries, into `result` [N,kChoices].
  void search(const LocatedExamples& from, std::span<const std::size_t> queries,
              std::span<std::size_t> result) const;

  const LocatedExamples& all_;
  std::size_t k_;
  std::vector<float> centres_;                       // [k,C]
  ColumnPanels centre_panels_;                       // the same
  std::vector<std::vector<std::uint32_t>> members_;  // [C], ascending
  std::vector<ColumnPanels> panels_;                 // [C], of the members
};

}  // namespace metaplastic
