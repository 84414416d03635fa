#include "apply/apply.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "apply/apply_cost.h"
#include "apply/batches_ahead.h"
#include "apply/input_order.h"
#include "apply/place_layers.h"
#include "apply/second_views.h"
#include "apply/training_rows.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "rule/convert_theta.h"
#include "rule/inner_step.h"
#include "rule/resolve.h"

namespace metaplastic {
namespace {

// 8 GiB of floats in one phi: far above any base model, far below an overflow.
constexpr std::int64_t kMaxPhiSize = std::int64_t{1} << 31;

void check_finite(const std::vector<float>& phi, int inner_step, const ApplyOptions& options) {
  // All exponent bits are set in what is not finite. Without branches the loop runs in vectors.
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t num_others = 0;
  for (const float v : phi)
    num_others += (std::bit_cast<std::uint32_t>(v) & kExponent) == kExponent;
  if (num_others == 0) return;
  fail(
      "apply: expected finite weights, found others after inner step {} (seed {}); the rule does "
      "not fit this data, try fewer inner steps or another rule",
      inner_step, options.seed);
}

// A line about an unusual cost, or "". Trainings that cannot be long are not looked at.
std::string cost_of(const Rule& rule, const Architecture& architecture, std::int64_t num_rows,
                    int inner_batch, int num_steps, double least_weight) {
  constexpr int kWide = 4096;
  constexpr double kManyUnitSteps = 2e8;  // a minute or so
  const int batch = static_cast<int>(std::min<std::int64_t>(inner_batch, num_rows));
  double units = 0;
  for (const int width : architecture.widths) units += width;
  const bool is_wide = *std::ranges::max_element(architecture.widths) > kWide;
  if (num_steps == 0 || (!is_wide && units * batch * num_steps < kManyUnitSteps)) return "";
  const ApplyCost cost =
      estimate_apply_cost(rule, architecture, num_rows, batch, num_steps, least_weight);
  return check_apply_cost(cost, architecture, batch, num_steps, memory_limit());
}

bool needs_pool(const RuleSizes& sizes) { return sizes.has_neighbours() || sizes.has_settings(); }

// Nothing where no step looks for neighbours.
std::shared_ptr<const TrainingPool> pool_for(const Rule& rule, const RowSource& training_rows,
                                             const ApplyOptions& options, int num_steps,
                                             ThreadPool* threads) {
  if (options.pool || !needs_pool(rule.sizes) || num_steps == 0) return options.pool;
  return std::make_shared<TrainingPool>(training_rows, options.seed, threads, options.pool_rows,
                                        !rule.sizes.has_trained_metric());
}

// A plain rule, and what else an inner step is taken with.
struct RuleForData {
  Rule rule;
  StepSettings<float> step;
  ViewSettings views;
  float inputs = 1;
};
RuleForData rule_for_data(const Rule& usual, const RuleVariant& variant, const TrainingPool* pool,
                          std::int64_t num_examples) {
  RuleForData made;
  if (usual.sizes.has_settings()) {
    DataProfile profile;
    if (pool) profile = profile_of(pool->neighbours(), num_examples, usual.sizes.reads_traits());
    ResolvedRule resolved = resolve(usual, profile);
    made.rule = std::move(resolved.rule);
    made.views = resolved.settings.views();
    made.inputs = static_cast<float>(resolved.settings[SettingName::kInputs]);
    made.step.bias_pace = static_cast<float>(resolved.settings[SettingName::kBiasPace]);
    made.step.keep = static_cast<float>(resolved.settings[SettingName::kKeep]);
  } else {
    made.rule = rule_of_variant(usual, variant);
    const bool walks = pool && made.rule.sizes.has_neighbours();
    made.views = variant.of(walks ? pool->neighbours().settings() : ViewSettings{});
  }
  made.step.inner_lr = static_cast<float>(made.rule.inner.inner_lr);
  made.step.homeostatic_share = static_cast<float>(made.views.share);
  return made;
}

// rows [num_rows,U_0] of an encoder of dense layers.
Health look_at(const Encoder& encoder, std::span<const float> rows, std::int64_t num_rows,
               ThreadPool* threads) {
  constexpr std::int64_t kPiece = 1024;  // rows
  const std::size_t L = encoder.layers.size();
  std::vector<std::vector<float>> features(L);  // [num_rows,U] of each layer
  for (std::size_t l = 0; l < L; ++l)
    features[l].resize(static_cast<std::size_t>(num_rows * encoder.layers[l].out.size()));
  share_out(threads, static_cast<int>((num_rows + kPiece - 1) / kPiece), [&](int, int piece) {
    const std::int64_t first = piece * kPiece, count = std::min(kPiece, num_rows - first);
    const float* lo = rows.data() + first * encoder.num_inputs();
    std::vector<float> packed;
    for (std::size_t l = 0; l < L; ++l) {
      float* const up = features[l].data() + first * encoder.layers[l].out.size();
      run_folded(encoder.layers[l], encoder.activation, count, lo, up, packed);
      lo = up;
    }
  });
  Health health;
  health.num_features = encoder.num_features();
  std::vector<int> dead(L);
  // The top layer, which takes longest, first.
  share_out(threads, static_cast<int>(L), [&](int, int index) {
    const std::size_t l = L - 1 - static_cast<std::size_t>(index);
    const int U = encoder.layers[l].spec.units;
    dead[l] = count_dead_units(features[l], num_rows, U);
    if (index == 0) health.effective_rank = effective_rank(features[l], num_rows, U);
  });
  int num_units = 0;
  for (const EncoderLayer& layer : encoder.layers) num_units += layer.spec.units;
  health.dead_share = static_cast<double>(std::reduce(dead.begin(), dead.end())) / num_units;
  return health;
}

// Inner steps of one base model, with the memory that they use again.
class Stepper {
 public:
  Stepper(const Rule& rule, const Architecture& architecture, std::uint64_t seed,
          const StepSettings<float>& settings, double least_weight, ThreadPool* threads)
      : architecture_(architecture),
        used_(used_part(ThetaLayout(rule.sizes), rule.theta, least_weight)),
        order_(rule.sizes, architecture.num_inputs(), seed),
        settings_(settings) {
    tape_.use_threads(threads);
  }

  // Moves phi on. examples [U_0,num_examples], both views of an example side by side.
  void step(std::span<const float> examples, int num_examples, std::vector<float>& phi) {
    const std::span<const float> batch = order_.inputs(examples);
    order_.to_rule(architecture_, phi);
    tape_.reset(false);
    const Var<float> x = tape_.constant(batch.data(), architecture_.num_inputs(), 1, num_examples);
    const PhiVars<float> next = inner_step(
        tape_, theta_leaves(tape_, used_.layout, used_.theta.data()),
        phi_leaves(tape_, architecture_, phi.data()), architecture_.activation, x, settings_);
    copy_phi(next, architecture_, phi.data());
    order_.to_data(architecture_, phi);
  }

 private:
  const Architecture& architecture_;
  const UsedPart used_;
  InputOrder order_;
  const StepSettings<float> settings_;
  Tape<float> tape_;
};

// A line about batches of fewer rows than wanted, or "".
std::string small_batches(const TrainingRows& data, int inner_batch) {
  if (data.batch_size() >= inner_batch) return "";
  return fmt::format("apply: inner batches hold all {} rows, fewer than the {} asked for",
                     data.batch_size(), inner_batch);
}

// A line about terms of other weights than 0 that are left out, or "".
std::string terms_left_out(const Rule& rule, double least) {
  const ThetaLayout layout(rule.sizes);
  const auto used = [&](double share) {
    return used_part(layout, rule.theta, share).layout.num_terms();
  };
  const int all = used(0), left = used(least);
  if (left == all) return "";
  return fmt::format(
      "apply: left out {} of the rule's {} terms, whose weights are at most {} of the largest; "
      "--least-weight 0 takes them all, in more time and memory",
      all - left, all, least);
}

// What the encoder's record says before the first step.
Encoder start_encoder(const Architecture& architecture, const Rule& rule,
                      const ApplyOptions& options, int batch_size) {
  Encoder made;
  made.activation = architecture.activation;
  made.record.seed = options.seed;
  made.record.inner_batch = batch_size;
  made.record.variant = options.variant.name;
  made.record.inner_lr = rule.inner.inner_lr;
  made.record.weight_std = rule.inner.weight_std;
  made.record.bias_std = rule.inner.bias_std;
  made.record.init = rule.inner.init;
  return made;
}

std::set<int> states_to_keep(const ApplyOptions& options, int num_steps) {
  std::set<int> wanted(options.snapshots.begin(), options.snapshots.end());
  wanted.insert(num_steps);
  METAPLASTIC_CHECK(*wanted.begin() >= 0 && *wanted.rbegin() == num_steps);
  return wanted;
}

void check_rows(const RowSource& rows) {
  if (rows.num_rows() < 2)
    fail("apply: expected at least 2 rows to learn from, found {}; use more data", rows.num_rows());
}

// Where phi starts: at random, or where an earlier training ended.
std::vector<float> first_phi(const Rule& rule, const Architecture& architecture,
                             const ApplyOptions& options) {
  if (!options.start) {
    return make_phi<float>(architecture, rule.inner.phi_init(),
                           Random(options.seed, Purpose::kPhiInit));
  }
  const std::size_t size = options.start->phi.size();
  METAPLASTIC_CHECK(static_cast<std::int64_t>(size) == architecture.phi_size() &&
                    options.start->mean.size() == size);
  return options.start->phi;
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

void check_suits(const RuleSizes& sizes, const ApplyOptions& options) {
  check_variant(options.variant, sizes);
  if (!options.pool_rows || needs_pool(sizes)) return;
  fail("pool: expected a rule that walks among neighbours, found one that does not; leave it out");
}

Applied apply_rule(const Rule& usual, const RowSource& training_rows, const ApplyOptions& options) {
  check_rows(training_rows);
  const Architecture architecture = options.model.architecture(training_rows.num_features());
  usual.sizes.require_top_units(architecture.num_features(), "features");
  check_suits(usual.sizes, options);
  const int num_steps = options.inner_steps.value_or(usual.inner.inner_steps);
  const int inner_batch = options.inner_batch.value_or(usual.inner.inner_batch);
  METAPLASTIC_CHECK(num_steps >= 0 && inner_batch >= 2);
  ThreadPool workers(options.num_threads);
  ThreadPool* threads = options.num_threads > 1 ? &workers : nullptr;
  const double least = least_weight(architecture.num_inputs(), options.least_weight);
  const std::string cost_note =
      cost_of(usual, architecture, training_rows.num_rows(), inner_batch, num_steps, least);
  if (!cost_note.empty() && options.on_note) options.on_note(cost_note);
  TrainingRows data(training_rows, options.seed, inner_batch);
  const auto pool = pool_for(usual, training_rows, options, num_steps, threads);
  const auto [rule, step_settings, views, inputs] = rule_for_data(
      usual, options.variant, pool.get(), options.num_examples.value_or(training_rows.num_rows()));
  const SecondViews second_views(rule.sizes, views, options.seed, pool, options.partners);
  Encoder made = start_encoder(architecture, rule, options, data.batch_size());
  Applied applied;
  applied.inputs = inputs;
  applied.notes = {options.on_note ? "" : cost_note, small_batches(data, inner_batch),
                   terms_left_out(rule, least)};
  std::erase(applied.notes, "");
  const std::set<int> wanted = states_to_keep(options, num_steps);
  std::int64_t num_rows = 0;
  const std::vector<float> statistics_rows = data.statistics_rows(num_rows, threads);
  std::vector<float> phi = first_phi(rule, architecture, options);
  std::vector<float> mean = options.start ? options.start->mean : phi;
  const int earlier_steps = options.start ? options.start->inner_steps : 0;
  std::vector<float> earlier;  // weights before the last tenth of the steps
  const int earlier_step = num_steps - std::max(1, num_steps / 10);
  std::optional<Stepper> stepper(std::in_place, rule, architecture, options.seed, step_settings,
                                 least, threads);
  const int num_examples = rule.sizes.num_views() * data.batch_size();
  std::optional<BatchesAhead> batches(
      std::in_place, data, second_views, earlier_steps, earlier_steps + num_steps,
      std::int64_t{num_examples} * architecture.num_inputs() * 8, threads);
  for (int step = 0;; ++step) {
    if (step == num_steps) batches.reset(), stepper.reset();  // their memory
    if (wanted.contains(step)) {
      made.layers = dense_layers(
          architecture, fold_layers(architecture, mean, statistics_rows, num_rows, threads));
      made.record.inner_steps = earlier_steps + step;
      applied.encoders.push_back(made);
    }
    if (step == earlier_step) earlier = weights_of(architecture, phi);
    if (step == num_steps) break;
    if (options.should_stop && options.should_stop()) throw Stopped{};
    stepper->step(batches->next(), num_examples, phi);
    check_finite(phi, step + 1, options);
    update_phi_mean(mean, phi, rule.inner.phi_mean_share, earlier_steps + step + 1);
    if (options.on_step) options.on_step(step + 1, num_steps);
  }
  applied.health = look_at(applied.last(), statistics_rows, num_rows, threads);
  if (num_steps > 0) applied.health.drift = phi_drift(architecture, earlier, phi);
  applied.state = {std::move(phi), std::move(mean), earlier_steps + num_steps};
  return applied;
}

}  // namespace metaplastic
