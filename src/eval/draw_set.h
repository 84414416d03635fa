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
  std::shared_ptr<const RowSource> rows;  // [M,U_0], prepared: any query or support, each row once
  std::vector<int> labels;                // [M]
  int num_classes = 0;
  std::vector<std::vector<std::int64_t>> queries;   // as positions in rows
  std::vector<std::vector<std::int64_t>> supports;  // [draws][n], as positions in rows
  // The stage that was needed last, and its features of all rows.
  std::shared_ptr<const FeatureStage> stage;
  std::vector<float> staged;

  const std::vector<std::int64_t>& query(std::size_t draw) const {
    return queries[draw % queries.size()];
  }
};

// Row numbers of the data set become positions; draw d has query d % queries.size(). The rows are
// copied where `prepared` is not held in memory.
DrawSet make_draw_set(const Dataset& data, std::shared_ptr<const RowSource> prepared, bool is_held,
                      std::vector<std::vector<std::int64_t>> queries,
                      std::vector<std::vector<std::int64_t>> supports);

// What the protocol chooses from for a candidate: penalties of the probe, or alphas of spreading.
const std::vector<double>& settings_to_try(const FeatureCandidate& candidate, ProbeKind probe);

// Accuracy on the query rows, [draws][settings]; a candidate that classifies has one column.
// Draws run side by side; the result is the same for any number of threads. Throws Error, naming
// the method, when features are not finite, and Stopped when the context says so.
std::vector<std::vector<double>> draw_accuracies(const FeatureCandidate& candidate, DrawSet& set,
                                                 std::span<const double> settings, ThreadPool& pool,
                                                 const std::string& method,
                                                 const MethodContext& context);

// Above this many classes a confusion matrix is no longer looked at.
inline constexpr int kMaxConfusionClasses = 100;

struct DrawOutcomes {
  std::vector<double> accuracy;         // [draws]
  std::vector<std::int64_t> confusion;  // [true class, predicted class], counts over all draws;
                                        // empty above kMaxConfusionClasses
};

// The candidate with one setting on every draw; as draw_accuracies, with what was taken for what.
DrawOutcomes draw_outcomes(const FeatureCandidate& candidate, DrawSet& set, double setting,
                           ThreadPool& pool, const std::string& method,
                           const MethodContext& context);

}  // namespace metaplastic
