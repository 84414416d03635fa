#include "eval/draw_set.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>
#include <utility>

#include "apply/readout.h"
#include "base/error.h"
#include "data/dataset_rows.h"
#include "objective/label_spreading.h"
#include "objective/linear_probe.h"

namespace metaplastic {
namespace {

using Rows = std::vector<std::int64_t>;

// Rows that a thread encodes at once.
constexpr std::int64_t kBlockRows = 4096;

// Calls use(first, count) for blocks of all rows, side by side.
void for_blocks(const DrawSet& set, ThreadPool& pool,
                const std::function<void(std::int64_t first, std::int64_t count)>& use) {
  const std::int64_t num_rows = set.rows->num_rows();
  const auto num_blocks = static_cast<int>((num_rows + kBlockRows - 1) / kBlockRows);
  pool.parallel_for(num_blocks, [&](int, int n) {
    const std::int64_t first = n * kBlockRows;
    use(first, std::min(kBlockRows, num_rows - first));
  });
}

std::vector<float> read_block(const DrawSet& set, std::int64_t first, std::int64_t count) {
  std::vector<float> rows(static_cast<std::size_t>(count * set.rows->num_features()));
  set.rows->read_rows(first, count, rows);
  return rows;
}

void find_stage(const FeatureCandidate& candidate, DrawSet& set, ThreadPool& pool) {
  if (!candidate.stage || candidate.stage == set.stage) return;
  set.stage = candidate.stage;
  const std::int64_t F = set.stage->num_features;
  set.staged.resize(static_cast<std::size_t>(set.rows->num_rows() * F));
  for_blocks(set, pool, [&](std::int64_t first, std::int64_t count) {
    set.stage->encode(
        read_block(set, first, count), count,
        std::span(set.staged)
            .subspan(static_cast<std::size_t>(first * F), static_cast<std::size_t>(count * F)));
  });
}

// What the probe reads of every row.
struct Features {
  std::vector<float> values;  // [M,width]
  int width = 0;
};

Features features_of(const FeatureCandidate& candidate, DrawSet& set, ThreadPool& pool,
                     const std::string& method) {
  METAPLASTIC_CHECK(candidate.num_features >= 1);
  find_stage(candidate, set, pool);
  const bool with_input = candidate.input_scale != 0;
  const std::int64_t F = candidate.num_features, U_0 = with_input ? set.rows->num_features() : 0;
  Features features{{}, static_cast<int>(U_0 + F)};
  features.values.resize(static_cast<std::size_t>(set.rows->num_rows() * (U_0 + F)));
  for_blocks(set, pool, [&](std::int64_t first, std::int64_t count) {
    const auto part = [&](auto values, std::int64_t width) {
      return values.subspan(static_cast<std::size_t>(first * width),
                            static_cast<std::size_t>(count * width));
    };
    std::vector<float> rows, alone;
    if (with_input || !candidate.stage) rows = read_block(set, first, count);
    const std::span<const float> from =
        candidate.stage ? part(std::span<const float>(set.staged), candidate.stage->num_features)
                        : std::span<const float>(rows);
    const std::span<float> out = part(std::span<float>(features.values), features.width);
    if (!with_input) return candidate.encode(from, count, out);
    alone.resize(static_cast<std::size_t>(count * F));
    candidate.encode(from, count, alone);
    put_beside(rows, candidate.input_scale, alone, count, out);
  });
  if (!std::ranges::all_of(features.values, [](float v) { return std::isfinite(v); })) {
    fail("method {}: expected finite features, found others with {}; leave it out of --methods",
         method, candidate.settings.dump());
  }
  return features;
}

// Prepared rows at the positions given.
std::vector<float> rows_at(const DrawSet& set, const Rows& positions) {
  std::vector<float> rows(positions.size() * static_cast<std::size_t>(set.rows->num_features()));
  gather_rows(*set.rows, positions, rows);
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

std::vector<int> spread_draw(const SpreadGraph& graph, const DrawSet& set, std::size_t draw,
                             double alpha) {
  const std::vector<int> classes =
      spread_labels(graph, set.labels, set.num_classes, set.supports[draw], alpha);
  std::vector<int> predicted;
  for (const std::int64_t row : set.query(draw))
    predicted.push_back(classes[static_cast<std::size_t>(row)]);
  return predicted;
}

std::vector<std::vector<double>> spread_accuracies(const Features& features, const DrawSet& set,
                                                   std::span<const double> alphas, ThreadPool& pool,
                                                   const MethodContext& context) {
  const SpreadGraph graph = spread_graph(features.values, features.width, pool);
  std::vector<std::vector<double>> accuracies(set.supports.size());
  pool.parallel_for(static_cast<int>(set.supports.size()), [&](int, int n) {
    if (context.should_stop && context.should_stop()) throw Stopped{};
    const auto draw = static_cast<std::size_t>(n);
    for (const double alpha : alphas) {
      accuracies[draw].push_back(accuracy_of(spread_draw(graph, set, draw, alpha), set, draw));
    }
  });
  return accuracies;
}

}  // namespace

const std::vector<double>& settings_to_try(const FeatureCandidate& candidate, ProbeKind probe) {
  return candidate.spreads ? spread_alphas() : probe_lambdas(probe);
}

DrawSet make_draw_set(const Dataset& data, std::shared_ptr<const RowSource> prepared, bool is_held,
                      std::vector<Rows> queries, std::vector<Rows> supports) {
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
  for (const std::int64_t row : all)
    set.labels.push_back(data.labels[static_cast<std::size_t>(row)]);
  for (auto* lists : {&set.queries, &set.supports}) {
    for (Rows& rows : *lists) {
      for (std::int64_t& row : rows) row = std::ranges::lower_bound(all, row) - all.begin();
    }
  }
  const int U_0 = prepared->num_features();
  set.rows = std::make_shared<PickedRows>(std::move(prepared),
                                          std::make_shared<const Rows>(std::move(all)));
  if (!is_held) set.rows = rows_of(read_all_rows(*set.rows), U_0);
  return set;
}

std::vector<std::vector<double>> draw_accuracies(const FeatureCandidate& candidate, DrawSet& set,
                                                 std::span<const double> settings, ThreadPool& pool,
                                                 const std::string& method,
                                                 const MethodContext& context) {
  METAPLASTIC_CHECK(!candidate.encode != !candidate.classify);
  Features features;
  if (candidate.encode) features = features_of(candidate, set, pool, method);
  if (candidate.spreads) return spread_accuracies(features, set, settings, pool, context);
  const auto judge =
      context.probe == ProbeKind::kLogistic ? &logistic_accuracies : &probe_accuracies;
  std::vector<std::vector<double>> accuracies(set.supports.size());
  pool.parallel_for(static_cast<int>(set.supports.size()), [&](int, int n) {
    if (context.should_stop && context.should_stop()) throw Stopped{};
    const auto draw = static_cast<std::size_t>(n);
    accuracies[draw] =
        candidate.classify
            ? std::vector<double>{accuracy_of(classify_draw(candidate, set, draw), set, draw)}
            : judge(features.values, features.width, set.labels, set.num_classes,
                    {set.supports[draw], set.query(draw)}, settings);
  });
  return accuracies;
}

DrawOutcomes draw_outcomes(const FeatureCandidate& candidate, DrawSet& set, double setting,
                           ThreadPool& pool, const std::string& method,
                           const MethodContext& context) {
  METAPLASTIC_CHECK(!candidate.encode != !candidate.classify);
  Features features;
  if (candidate.encode) features = features_of(candidate, set, pool, method);
  SpreadGraph graph;
  if (candidate.spreads) graph = spread_graph(features.values, features.width, pool);
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
        candidate.classify  ? classify_draw(candidate, set, draw)
        : candidate.spreads ? spread_draw(graph, set, draw, setting)
                            : predict(features.values, features.width, set.labels, set.num_classes,
                                      {set.supports[draw], set.query(draw)}, setting);
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
