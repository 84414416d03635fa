#include "eval/draw_set.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

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

std::vector<int> classify_draw(const FeatureCandidate& candidate, const DrawSet& set,
                               const Rows& support) {
  const std::size_t U = set.rows.size() / set.labels.size();
  std::vector<float> rows;
  std::vector<int> labels;
  for (const std::int64_t at : support) {
    const auto first = set.rows.begin() + at * static_cast<std::int64_t>(U);
    rows.insert(rows.end(), first, first + static_cast<std::int64_t>(U));
    labels.push_back(set.labels[static_cast<std::size_t>(at)]);
  }
  const auto num_query = static_cast<std::size_t>(set.num_query);
  std::vector<int> predicted(num_query, -1);
  candidate.classify({rows, labels, set.num_classes, {set.rows.data(), num_query * U}}, predicted);
  for (const int c : predicted) METAPLASTIC_CHECK(c >= 0 && c < set.num_classes);
  return predicted;
}

// Share of the query rows, which are the first of the set.
double accuracy_of(const std::vector<int>& predicted, const DrawSet& set) {
  std::int64_t num_right = 0;
  for (std::size_t n = 0; n < predicted.size(); ++n) num_right += predicted[n] == set.labels[n];
  return static_cast<double>(num_right) / static_cast<double>(predicted.size());
}

Rows query_of(const DrawSet& set) {
  Rows query(static_cast<std::size_t>(set.num_query));
  std::iota(query.begin(), query.end(), std::int64_t{0});
  return query;
}

}  // namespace

DrawSet make_draw_set(const Dataset& data, const RowSource& prepared, const Rows& query,
                      const std::vector<Rows>& supports) {
  Rows labelled;
  for (const Rows& support : supports) {
    labelled.insert(labelled.end(), support.begin(), support.end());
  }
  std::ranges::sort(labelled);
  labelled.erase(std::unique(labelled.begin(), labelled.end()), labelled.end());
  DrawSet set;
  set.num_query = static_cast<std::int64_t>(query.size());
  set.num_classes = data.num_classes();
  Rows all = query;
  all.insert(all.end(), labelled.begin(), labelled.end());
  set.rows.resize(all.size() * static_cast<std::size_t>(prepared.num_features()));
  gather_rows(prepared, all, set.rows);
  for (const std::int64_t row : all)
    set.labels.push_back(data.labels[static_cast<std::size_t>(row)]);
  set.supports = supports;
  for (Rows& support : set.supports) {
    for (std::int64_t& row : support) {
      row = set.num_query + (std::ranges::lower_bound(labelled, row) - labelled.begin());
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
  const Rows query = query_of(set);
  std::vector<std::vector<double>> accuracies(set.supports.size());
  pool.parallel_for(static_cast<int>(set.supports.size()), [&](int, int n) {
    if (context.should_stop && context.should_stop()) throw Stopped{};
    const auto draw = static_cast<std::size_t>(n);
    accuracies[draw] =
        candidate.classify
            ? std::vector<double>{accuracy_of(classify_draw(candidate, set, set.supports[draw]),
                                              set)}
            : probe_accuracies(features, candidate.num_features, set.labels, set.num_classes,
                               {set.supports[draw], query}, lambdas);
  });
  return accuracies;
}

DrawOutcomes draw_outcomes(const FeatureCandidate& candidate, const DrawSet& set, double lambda,
                           ThreadPool& pool, const std::string& method,
                           const MethodContext& context) {
  METAPLASTIC_CHECK(!candidate.encode != !candidate.classify);
  std::vector<float> features;
  if (candidate.encode) features = features_of(candidate, set, method);
  const Rows query = query_of(set);
  const auto Y = static_cast<std::size_t>(set.num_classes);
  DrawOutcomes outcomes;
  outcomes.accuracy.resize(set.supports.size());
  if (set.num_classes <= kMaxConfusionClasses) outcomes.confusion.resize(Y * Y);
  std::mutex adding;  // whole numbers: the order of the draws does not show in the sum
  pool.parallel_for(static_cast<int>(set.supports.size()), [&](int, int n) {
    if (context.should_stop && context.should_stop()) throw Stopped{};
    const auto draw = static_cast<std::size_t>(n);
    const std::vector<int> predicted =
        candidate.classify
            ? classify_draw(candidate, set, set.supports[draw])
            : probe_predictions(features, candidate.num_features, set.labels, set.num_classes,
                                {set.supports[draw], query}, lambda);
    outcomes.accuracy[draw] = accuracy_of(predicted, set);
    if (outcomes.confusion.empty()) return;
    const std::lock_guard lock(adding);
    for (std::size_t i = 0; i < predicted.size(); ++i) {
      ++outcomes.confusion[static_cast<std::size_t>(set.labels[i]) * Y +
                           static_cast<std::size_t>(predicted[i])];
    }
  });
  return outcomes;
}

}  // namespace metaplastic
