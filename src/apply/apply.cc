#include "apply/apply.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "apply/input_order.h"
#include "apply/second_views.h"
#include "apply/training_rows.h"
#include "base/error.h"
#include "rule/inner_step.h"

namespace metaplastic {
namespace {

// 8 GiB of floats in one phi: far above any base model, far below an overflow.
constexpr std::int64_t kMaxPhiSize = std::int64_t{1} << 31;

void check_finite(const std::vector<float>& phi, int inner_step, const ApplyOptions& options) {
  if (std::ranges::all_of(phi, [](float v) { return std::isfinite(v); })) return;
  fail(
      "apply: expected finite weights, found others after inner step {} (seed {}); the rule does "
      "not fit this data, try fewer inner steps or another rule",
      inner_step, options.seed);
}

// Nothing where no step looks for neighbours.
std::shared_ptr<const TrainingPool> pool_for(const Rule& rule, const RowSource& training_rows,
                                             const ApplyOptions& options, int num_steps) {
  if (options.pool || !rule.sizes.has_neighbours() || num_steps == 0) return options.pool;
  return std::make_shared<TrainingPool>(training_rows, options.seed);
}

Health look_at(const Encoder& encoder, std::span<const float> rows, std::int64_t num_rows) {
  Health health;
  int num_dead = 0, num_units = 0;
  std::vector<float> features;
  for (int l = 1; l <= encoder.num_layers(); ++l) {
    const int U = encoder.architecture.widths[static_cast<std::size_t>(l)];
    features.resize(static_cast<std::size_t>(num_rows * U));
    encode(encoder, rows, num_rows, l, features);
    num_dead += count_dead_units(features, num_rows, U);
    num_units += U;
  }
  health.num_features = encoder.architecture.num_features();
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

PreprocessOptions preprocess_options(const Dataset& data, std::optional<int> resize,
                                     ResizeMethod method) {
  PreprocessOptions options;
  const bool is_large =
      data.kind == DataKind::kImage && std::max(data.image.height, data.image.width) > kDefaultSide;
  options.resize = resize.value_or(is_large ? kDefaultSide : 0);
  options.resize_method = method;
  if (method != ResizeMethod::kArea && options.resize == 0) {
    fail(
        "resize method: expected images that are resized, found {} whose size is kept; leave "
        "--resize-method out, or give --resize",
        data.kind == DataKind::kImage ? "images" : kind_name(data.kind));
  }
  return options;
}

Applied apply_rule(const Rule& usual, const RowSource& training_rows, const ApplyOptions& options) {
  if (training_rows.num_rows() < 2) {
    fail("apply: expected at least 2 rows to learn from, found {}; use more data",
         training_rows.num_rows());
  }
  Encoder made;
  made.architecture = options.model.architecture(training_rows.num_features());
  const Architecture& architecture = made.architecture;
  usual.sizes.require_top_units(architecture.num_features(), "features");
  check_variant(options.variant, usual.sizes);
  const Rule rule = rule_of_variant(usual, options.variant);
  const int num_steps = options.inner_steps.value_or(rule.inner.inner_steps);
  const int inner_batch = options.inner_batch.value_or(rule.inner.inner_batch);
  METAPLASTIC_CHECK(num_steps >= 0 && inner_batch >= 2);
  TrainingRows data(training_rows, options.seed, inner_batch);
  SecondViews second_views(rule.sizes, options.variant, options.seed,
                           pool_for(usual, training_rows, options, num_steps));
  made.record.seed = options.seed;
  made.record.inner_batch = data.batch_size();
  made.record.variant = options.variant.name;
  made.record.inner_lr = rule.inner.inner_lr;
  made.record.weight_std = rule.inner.weight_std;
  made.record.bias_std = rule.inner.bias_std;
  made.record.init = rule.inner.init;

  Applied applied;
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
  const ThetaLayout layout(rule.sizes);
  std::vector<float> phi = options.start ? options.start->phi
                                         : make_phi<float>(architecture, rule.inner.phi_init(),
                                                           Random(options.seed, Purpose::kPhiInit));
  std::vector<float> mean = options.start ? options.start->mean : phi;
  METAPLASTIC_CHECK(static_cast<std::int64_t>(phi.size()) == architecture.phi_size() &&
                    mean.size() == phi.size());
  const int earlier_steps = options.start ? options.start->inner_steps : 0;
  InputOrder order(rule.sizes, architecture.num_inputs(), options.seed);
  std::vector<float> earlier = phi;
  const int earlier_step = num_steps - std::max(1, num_steps / 10);
  const StepSettings<float> settings{static_cast<float>(rule.inner.inner_lr),
                                     static_cast<float>(second_views.homeostatic_share())};
  Tape<float> tape;
  for (int step = 0;; ++step) {
    if (wanted.contains(step)) {
      made.layers = fold_layers(architecture, mean, statistics_rows, num_rows);
      made.record.inner_steps = earlier_steps + step;
      applied.encoders.push_back(made);
    }
    if (step == earlier_step) earlier = phi;
    if (step == num_steps) break;
    if (options.should_stop && options.should_stop()) throw Stopped{};
    const std::span<const float> batch =
        order.inputs(second_views.batch(data, earlier_steps + step));
    order.to_rule(architecture, phi);
    tape.reset(false);
    const Var<float> x = tape.constant(batch.data(), architecture.num_inputs(), 1,
                                       rule.sizes.num_views() * data.batch_size());
    const PhiVars<float> next = inner_step(tape, theta_leaves(tape, layout, rule.theta.data()),
                                           phi_leaves(tape, architecture, phi.data()),
                                           architecture.activation, x, settings);
    copy_phi(next, architecture, phi.data());
    order.to_data(architecture, phi);
    check_finite(phi, step + 1, options);
    update_phi_mean(mean, phi, rule.inner.phi_mean_share, earlier_steps + step + 1);
    if (options.on_step) options.on_step(step + 1, num_steps);
  }
  applied.health = look_at(applied.last(), statistics_rows, num_rows);
  if (num_steps > 0) applied.health.drift = phi_drift(architecture, earlier, phi);
  applied.state = {std::move(phi), std::move(mean), earlier_steps + num_steps};
  return applied;
}

}  // namespace metaplastic
