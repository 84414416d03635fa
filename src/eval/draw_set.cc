#include "eval/draw_set.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "objective/linear_probe.h"

namespace metaplastic {
namespace {

using Rows = std::vector<std::int64_t>;

std::vector<float> features_of(const FeatureCandidate& candidate, const DrawSet& set,
                               const std::string& method) {
  METAPLASTIC_CHECK(candidate.num_features >= 1);
  const auto num_rows = static_cast<std::int64_t>(set.labels.size());
  std::vector<float> features(static_cast<std::size_t>(num_rows * candidate.num_features));
  candidate.encode(set.rows, num_rows, features);
  if (!std::ranges::all_of(features, [](float v) { return std::isfinite(v); })) {
    fail("method {}: expected finite features, found others with {}; leave it out of --methods",
         method, candidate.settings.dump());
  }
  return features;
}

// Prepared rows at the positions given.
std::vector<float> rows_at(const DrawSet& set, const Rows& positions) {
  const auto U = static_cast<std::ptrdiff_t>(set.rows.size() / set.labels.size());
  std::vector<float> rows;
  rows.reserve(positions.size() * static_cast<std::size_t>(U));
  for (const std::int64_t at : positions) {
    const auto first = set.rows.begin() + at * U;
    rows.insert(rows.end(), first, first + U);
  }
  return rows;
}

std::vector<int> classify_draw(const FeatureCandidate& candidate, const DrawSet& set,
                               std::size_t draw) {
  std::vector<int> labels;
  for (const std::int64_t at : set.supports[draw]) {
    labels.push_back(set.labels[static_cast<std::size_t>(at)]);
  }
  std::vector<int> predicted(set.query(draw).size(), -1);
  candidate.classify(
      {rows_at(set, set.supports[draw]), labels, set.num_classes, rows_at(set, set.query(draw))},
      predicted);
  for (const int c : predicted) METAPLASTIC_CHECK(c >= 0 && c < set.num_classes);
  return predicted;
}

double accuracy_of(const std::vector<int>& predicted, const DrawSet& set, std::size_t draw) {
  const Rows& query = set.query(draw);
  std::int64_t num_right = 0;
  for (std::size_t n = 0; n < query.size(); ++n) {
    num_right += predicted[n] == set.labels[static_cast<std::size_t>(query[n])];
  }
  return static_cast<double>(num_right) / static_cast<double>(query.size());
}

}  // namespace

DrawSet make_draw_set(const Dataset& data, const RowSource& prepared, std::vector<Rows> queries,
                      std::vector<Rows> supports) {
  DrawSet set;
  set.num_classes = data.num_classes();
  set.queries = std::move(queries);
  set.supports = std::move(supports);
  Rows all;
  for (const auto* lists : {&set.queries, &set.supports}) {
    for (const Rows& rows : *lists) all.insert(all.end(), rows.begin(), rows.end());
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  set.rows.resize(all.size() * static_cast<std::size_t>(prepared.num_features()));
  gather_rows(prepared, all, set.rows);
  for (const std::int64_t row : all)
    set.labels.push_back(data.labels[static_cast<std::size_t>(row)]);
  for (auto* lists : {&set.queries, &set.supports}) {
    for (Rows& rows : *lists) {
      for (std::int64_t& row : rows) row = std::ranges::lower_bound(all, row) - all.begin();
    }
  }
  return set;
}

std::vector<std::vector<double>> draw_accuracies(const FeatureCandidate& candidate,
                                                 const DrawSet& set,
                                                 std::span<const double> lambdas, ThreadPool& pool,
                                                 const std::string& method,
                                                 const MethodContext& context) {
  METAPLASTIC_CHECK(!candidate.encode != !candidate.classify);
  std::vector<float> features;
  if (candidate.encode) features = features_of(candidate, set, method);
  const auto judge =
      context.probe == ProbeKind::kLogistic ? &logistic_accuracies : &probe_accuracies;
  std::vector<std::vector<double>> accuracies(set.supports.size());
  pool.parallel_for(static_cast<int>(set.supports.size()), [&](int, int n) {
    if (context.should_stop && context.should_stop()) throw Stopped{};
    const auto draw = static_cast<std::size_t>(n);
    accuracies[draw] =
        candidate.classify
            ? std::vector<double>{accuracy_of(classify_draw(candidate, set, draw), set, draw)}
            : judge(features, candidate.num_features, set.labels, set.num_classes,
                    {set.supports[draw], set.query(draw)}, lambdas);
  });
  return accuracies;
}

DrawOutcomes draw_outcomes(const FeatureCandidate& candidate, const DrawSet& set, double lambda,
                           ThreadPool& pool, const std::string& method,
                           const MethodContext& context) {
  METAPLASTIC_CHECK(!candidate.encode != !candidate.classify);
  std::vector<float> features;
  if (candidate.encode) features = features_of(candidate, set, method);
  const auto Y = static_cast<std::size_t>(set.num_classes);
  DrawOutcomes outcomes;
  outcomes.accuracy.resize(set.supports.size());
  if (set.num_classes <= kMaxConfusionClasses) outcomes.confusion.resize(Y * Y);
  const auto predict =
      context.probe == ProbeKind::kLogistic ? &logistic_predictions : &probe_predictions;
  std::mutex adding;  // whole numbers: the order of the draws does not show in the sum
  pool.parallel_for(static_cast<int>(set.supports.size()), [&](int, int n) {
    if (context.should_stop && context.should_stop()) throw Stopped{};
    const auto draw = static_cast<std::size_t>(n);
    const std::vector<int> predicted =
        candidate.classify ? classify_draw(candidate, set, draw)
                           : predict(features, candidate.num_features, set.labels, set.num_classes,
                                     {set.supports[draw], set.query(draw)}, lambda);
    outcomes.accuracy[draw] = accuracy_of(predicted, set, draw);
    if (outcomes.confusion.empty()) return;
    const std::lock_guard lock(adding);
    for (std::size_t i = 0; i < predicted.size(); ++i) {
      const auto at = static_cast<std::size_t>(set.query(draw)[i]);
      ++outcomes.confusion[static_cast<std::size_t>(set.labels[at]) * Y +
                           static_cast<std::size_t>(predicted[i])];
    }
  });
  return outcomes;
}

}  // namespace metaplastic
