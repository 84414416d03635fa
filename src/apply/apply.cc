#include "apply/apply.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "apply/apply_cost.h"
#include "apply/inner_training.h"
#include "apply/second_views.h"
#include "apply/training_rows.h"
#include "base/error.h"
#include "base/thread_pool.h"

namespace metaplastic {
namespace {

// 8 GiB of floats in one phi: far above any base model, far below an overflow.
constexpr std::int64_t kMaxPhiSize = std::int64_t{1} << 31;

// A line about an unusual cost, or "". Trainings that cannot be long are not looked at.
std::string cost_of(const Rule& rule, const Architecture& architecture, std::int64_t num_rows,
                    int inner_batch, int num_steps) {
  constexpr int kWide = 4096;
  constexpr double kManyUnitSteps = 2e8;  // a minute or so
  const int batch = static_cast<int>(std::min<std::int64_t>(inner_batch, num_rows));
  double units = 0;
  for (const int width : architecture.widths) units += width;
  const bool is_wide = *std::ranges::max_element(architecture.widths) > kWide;
  if (num_steps == 0 || (!is_wide && units * batch * num_steps < kManyUnitSteps)) return "";
  const ApplyCost cost = estimate_apply_cost(rule, architecture, num_rows, batch, num_steps);
  return check_apply_cost(cost, architecture, batch, num_steps, memory_limit());
}

EncoderRecord record_of(const Rule& rule, const ApplyOptions& options, int batch_size) {
  EncoderRecord record;
  record.seed = options.seed;
  record.inner_batch = batch_size;
  record.variant = options.variant.name;
  record.inner_lr = rule.inner.inner_lr;
  record.weight_std = rule.inner.weight_std;
  record.bias_std = rule.inner.bias_std;
  record.init = rule.inner.init;
  return record;
}

// Nothing where no step looks for neighbours.
std::shared_ptr<const TrainingPool> pool_for(const Rule& rule, const RowSource& training_rows,
                                             const ApplyOptions& options, int num_steps,
                                             ThreadPool* threads) {
  if (options.pool || !rule.sizes.has_neighbours() || num_steps == 0) return options.pool;
  return std::make_shared<TrainingPool>(training_rows, options.seed, threads);
}

Health look_at(const Encoder& encoder, std::span<const float> rows, std::int64_t num_rows) {
  Health health;
  int num_dead = 0, num_units = 0;
  std::vector<float> features;
  for (int l = 1; l <= encoder.num_layers(); ++l) {
    const int U = encoder.num_features(l);
    features.resize(static_cast<std::size_t>(num_rows * U));
    encode(encoder, rows, num_rows, l, features);
    num_dead += count_dead_units(features, num_rows, U);
    num_units += U;
  }
  health.num_features = encoder.num_features();
  health.dead_share = static_cast<double>(num_dead) / num_units;
  health.effective_rank = effective_rank(features, num_rows, health.num_features);
  return health;
}

}  // namespace

Architecture BaseModel::architecture(int num_inputs) const {
  Architecture result;
  result.widths = {num_inputs};
  result.widths.insert(result.widths.end(), hidden.begin(), hidden.end());
  result.widths.push_back(features);
  result.activation = activation;
  result.validate();
  if (result.phi_size() > kMaxPhiSize) {
    fail(
        "architecture: expected at most {} weights, found {}; use narrower layers or smaller "
        "inputs",
        kMaxPhiSize, result.phi_size());
  }
  return result;
}

Applied apply_rule(const Rule& usual, const RowSource& training_rows, const ApplyOptions& options) {
  if (training_rows.num_rows() < 2) {
    fail("apply: expected at least 2 rows to learn from, found {}; use more data",
         training_rows.num_rows());
  }
  Encoder made;
  const Architecture architecture = options.model.architecture(training_rows.num_features());
  made.activation = architecture.activation;
  usual.sizes.require_top_units(architecture.num_features(), "features");
  check_variant(options.variant, usual.sizes);
  const Rule rule = rule_of_variant(usual, options.variant);
  const int num_steps = options.inner_steps.value_or(rule.inner.inner_steps);
  const int inner_batch = options.inner_batch.value_or(rule.inner.inner_batch);
  METAPLASTIC_CHECK(num_steps >= 0 && inner_batch >= 2);
  ThreadPool workers(options.num_threads);
  ThreadPool* threads = options.num_threads > 1 ? &workers : nullptr;
  const std::string cost_note =
      cost_of(rule, architecture, training_rows.num_rows(), inner_batch, num_steps);
  if (!cost_note.empty() && options.on_note) options.on_note(cost_note);
  TrainingRows data(training_rows, options.seed, inner_batch);
  SecondViews second_views(rule.sizes, options.variant, options.seed,
                           pool_for(usual, training_rows, options, num_steps, threads));
  second_views.use_threads(threads);
  made.record = record_of(rule, options, data.batch_size());
  Applied applied;
  if (!cost_note.empty() && !options.on_note) applied.notes.push_back(cost_note);
  if (data.batch_size() < inner_batch) {
    applied.notes.push_back(
        fmt::format("apply: inner batches hold all {} rows, fewer than the {} asked for",
                    data.batch_size(), inner_batch));
  }
  std::set<int> wanted(options.snapshots.begin(), options.snapshots.end());
  wanted.insert(num_steps);
  METAPLASTIC_CHECK(*wanted.begin() >= 0 && *wanted.rbegin() == num_steps);
  std::int64_t num_rows = 0;
  const std::vector<float> statistics_rows = data.statistics_rows(num_rows);
  InnerTraining training(rule, architecture, options, second_views.homeostatic_share(), threads);
  std::vector<float> earlier = training.state().phi;
  const int earlier_step = num_steps - std::max(1, num_steps / 10);
  for (int step = 0;; ++step) {
    const InnerState& state = training.state();
    if (wanted.contains(step)) {
      made.layers = dense_layers(architecture,
                                 fold_layers(architecture, state.mean, statistics_rows, num_rows));
      made.record.inner_steps = state.inner_steps;
      applied.encoders.push_back(made);
    }
    if (step == earlier_step) earlier = state.phi;
    if (step == num_steps) break;
    if (options.should_stop && options.should_stop()) throw Stopped{};
    training.take_step(second_views.batch(data, state.inner_steps), step + 1);
    if (options.on_step) options.on_step(step + 1, num_steps);
  }
  applied.health = look_at(applied.last(), statistics_rows, num_rows);
  if (num_steps > 0) applied.health.drift = phi_drift(architecture, earlier, training.state().phi);
  applied.state = training.take_state();
  return applied;
}

}  // namespace metaplastic
