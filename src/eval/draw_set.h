// The draws of one kind, validation or test, with the rows that they touch; and how well a
// candidate does on them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "eval/method.h"

namespace metaplastic {

struct DrawSet {
  std::vector<float> rows;  // [M,U_0], prepared: the rows of any query or support, each once
  std::vector<int> labels;  // [M]
  int num_classes = 0;
  std::vector<std::vector<std::int64_t>> queries;   // as positions in rows
  std::vector<std::vector<std::int64_t>> supports;  // [draws][n], as positions in rows

  const std::vector<std::int64_t>& query(std::size_t draw) const {
    return queries[draw % queries.size()];
  }
};

// Row numbers of the data set become positions; draw d has query d % queries.size().
DrawSet make_draw_set(const Dataset& data, const RowSource& prepared,
                      std::vector<std::vector<std::int64_t>> queries,
                      std::vector<std::vector<std::int64_t>> supports);

// Accuracy on the query rows, [draws][lambdas]; a candidate that classifies has one column.
// Draws run side by side; the result is the same for any number of threads. Throws Error, naming
// the method, when features are not finite, and Stopped when the context says so.
std::vector<std::vector<double>> draw_accuracies(const FeatureCandidate& candidate,
                                                 const DrawSet& set,
                                                 std::span<const double> lambdas, ThreadPool& pool,
                                                 const std::string& method,
                                                 const MethodContext& context);

// Above this many classes a confusion matrix is no longer looked at.
inline constexpr int kMaxConfusionClasses = 100;

struct DrawOutcomes {
  std::vector<double> accuracy;         // [draws]
  std::vector<std::int64_t> confusion;  // [true class, predicted class], counts over all draws;
                                        // empty above kMaxConfusionClasses
};

// The candidate with one lambda on every draw; as draw_accuracies, with what was taken for what.
DrawOutcomes draw_outcomes(const FeatureCandidate& candidate, const DrawSet& set, double lambda,
                           ThreadPool& pool, const std::string& method,
                           const MethodContext& context);

}  // namespace metaplastic
