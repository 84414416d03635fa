#include "meta/trajectory.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/sample.h"
#include "meta/adam.h"
#include "meta/conv_model.h"
#include "neighbours/constants.h"
#include "rule/cost.h"

namespace metaplastic {
namespace {

int draw_log_uniform(Random& random, int low, int high) {
  const float value = random.log_uniform(static_cast<float>(low), static_cast<float>(high) + 1);
  return std::min(high, std::max(low, static_cast<int>(value)));
}

template <class T>
const T& draw_one(Random& random, const std::vector<T>& choices) {
  return choices[random.below(static_cast<std::uint32_t>(choices.size()))];
}

// Of a trajectory that starts at this outer step.
int longest_T(const InnerConfig& inner, std::int64_t outer_step) {
  if (outer_step >= inner.curriculum_steps) return inner.max_T;
  const double share = static_cast<double>(outer_step) / inner.curriculum_steps;
  const double growth = std::pow(static_cast<double>(inner.max_T) / inner.min_T, share);
  return std::min(inner.max_T, static_cast<int>(inner.min_T * growth));
}

std::vector<float> first_phi_of(const MetaConfig& config, std::uint64_t seed,
                                std::uint64_t task_index, const Architecture& architecture) {
  return make_phi<float>(architecture, config.inner.phi_init(),
                         Random(seed, Purpose::kPhiInit, task_index));
}

// Draws what follows from the slot's names.
void draw_slot(const MetaConfig& config, const TaskDistribution& tasks, std::uint64_t seed,
               std::uint64_t task_index, Slot& slot) {
  slot.task.emplace(tasks.make_task(seed, task_index, Split::kTrain));
  slot.settings =
      draw_trajectory(config, seed, task_index, slot.task->num_inputs(), slot.opened_at);
  draw_conv_model(config, seed, task_index, *slot.task, slot.settings);
  slot.metric.reset();
  slot.profile.reset();
}

}  // namespace

TrajectorySettings draw_trajectory(const MetaConfig& config, std::uint64_t seed,
                                   std::uint64_t task_index, int num_inputs,
                                   std::int64_t outer_step) {
  const InnerConfig& inner = config.inner;
  Random random(seed, Purpose::kTruncation, task_index, 0);
  TrajectorySettings settings;
  settings.architecture.widths = {num_inputs};
  const int num_layers = random.between(inner.min_layers, inner.max_layers);
  for (int l = 1; l < num_layers; ++l) {
    settings.architecture.widths.push_back(
        draw_log_uniform(random, inner.min_units, inner.max_units));
  }
  settings.architecture.widths.push_back(
      draw_log_uniform(random, inner.min_features, inner.max_features));
  settings.architecture.activation = activation_from_name(draw_one(random, inner.activations));
  settings.T = draw_log_uniform(random, inner.min_T, longest_T(inner, outer_step));
  settings.inner_batch = draw_one(random, inner.inner_batch);
  settings.rows = draw_rows(config, random);
  return settings;
}

int draw_rows(const MetaConfig& config, Random random) {
  const InnerConfig& inner = config.inner;
  return inner.max_rows > 0 ? draw_log_uniform(random, inner.min_rows, inner.max_rows) : 0;
}

void TaskData::start(const Task& task, std::uint32_t first_step, int K, int inner_batch,
                     const MetaConfig& config, std::optional<NeighbourMetric>& metric, int rows) {
  METAPLASTIC_CHECK(rows == 0 || rows >= 2);
  task_ = &task;
  rows_ = std::min(rows, task.most_rows().value_or(rows));
  windows_each_ = 1;
  if (rows > 0 && task.windows())
    windows_each_ = std::clamp(config.inner.neighbour_pool / rows_, 1, task.windows()->places());
  batch_size_ = rows > 0 ? std::min(rows_ * windows_each_, inner_batch) : inner_batch;
  settings_.reset();
  config_ = &config;
  pool_ = {};
  pool_number_.reset();
  metric_ = &metric;
  move_to(first_step, K);
}

void TaskData::move_to(std::uint32_t first_step, int K) {
  first_step_ = first_step;
  batches_.resize(static_cast<std::size_t>(K) * static_cast<std::size_t>(task_->num_inputs()) *
                  static_cast<std::size_t>(batch_size_) *
                  static_cast<std::size_t>(config_->rule.num_views()));
  drawn_.assign(static_cast<std::size_t>(K), 0);
}

std::span<const float> TaskData::inner_batch(int k) {
  const std::size_t size = batches_.size() / drawn_.size();
  const std::span<float> batch(batches_.data() + static_cast<std::size_t>(k) * size, size);
  if (!drawn_[static_cast<std::size_t>(k)]) {
    const Stopwatch watch;
    const std::uint32_t step = first_step_ + static_cast<std::uint32_t>(k);
    if (needs_pool()) prepare_pool(step);
    const std::span<const float> x = draw_examples(step);
    if (config_->rule.has_two_views()) {
      add_second_views(x, config_->rule.has_neighbours() ? pool_ : NeighbourPool(), nearest_,
                       task_->num_inputs(), task_->stream(Purpose::kViewNoise, step), batch);
    } else {
      std::ranges::copy(x, batch.begin());
    }
    drawn_[static_cast<std::size_t>(k)] = 1;
    seconds_ += watch.seconds();
  }
  return batch;
}

bool TaskData::needs_pool() const {
  return rows_ > 0 || config_->rule.has_neighbours() || config_->rule.has_settings();
}

std::span<const float> TaskData::draw_examples(std::uint32_t step) {
  const auto U = static_cast<std::size_t>(task_->num_inputs()),
             B = static_cast<std::size_t>(batch_size_);
  if (rows_ == 0) {
    nearest_.clear();
    task_->draw_batch(Purpose::kInnerBatch, step, batch_size_, scratch_);
    return {scratch_.x.data(), U * B};
  }
  Random random = task_->stream(Purpose::kInnerBatch, step);
  const auto numbers = sample_without_replacement(random, pool_size(), batch_size_);
  const std::vector<std::size_t> places(numbers.begin(), numbers.end());
  examples_.resize(U * B);
  const auto N = static_cast<std::size_t>(pool_size());
  for (std::size_t u = 0; u < U; ++u)
    for (std::size_t b = 0; b < B; ++b) examples_[u * B + b] = pool_.examples()[u * N + places[b]];
  nearest_.clear();
  for (const std::size_t place : places) {
    const std::span<const std::size_t> near = pool_.nearest_of_example(place);
    nearest_.insert(nearest_.end(), near.begin(), near.end());
  }
  return examples_;
}

void TaskData::use_settings(const ViewSettings& settings) {
  settings_ = settings;
  if (pool_number_) prepare_settings();
  std::ranges::fill(drawn_, char{0});
}

std::span<const float> TaskData::pool_examples() {
  prepare_pool(first_step_);
  return pool_.examples();
}

DataProfile TaskData::profile() {
  prepare_pool(first_step_);
  return profile_of(pool_, rows_ > 0 ? rows_ : pool_size(), config_->rule.reads_traits());
}

void TaskData::prepare_pool(std::uint32_t step) {
  const std::uint32_t number =
      rows_ > 0 ? 0 : step / static_cast<std::uint32_t>(kNeighbourhood.pool_steps);
  if (pool_number_ == number) return;
  std::span<const float> examples = draw_pool(*metric_ ? number : 0);
  if (!*metric_) {
    metric_->emplace(examples, task_->num_inputs());
    if (number != 0) examples = draw_pool(number);
  }
  const bool waits = config_->rule.has_trained_metric();
  pool_ = NeighbourPool(examples, task_->num_inputs(), **metric_, nullptr, !waits);
  pool_number_ = number;
  if (settings_ || !waits) prepare_settings();
}

void TaskData::prepare_settings() {
  if (settings_) pool_ = pool_.with_settings(*settings_);
  if (rows_ > 0 && config_->rule.has_neighbours()) pool_.list_neighbours();
}

std::span<const float> TaskData::draw_pool(std::uint32_t number) {
  const int count = pool_size() / windows_each_;
  if (rows_ > 0) {
    task_->draw_data_set(number, count, pool_batch_, windows_each_);
  } else {
    task_->draw_batch(Purpose::kNeighbours, number, count, pool_batch_);
  }
  return {pool_batch_.x.data(), static_cast<std::size_t>(pool_size() * task_->num_inputs())};
}

const Probe<float>& TaskData::probe(int k) {
  const Stopwatch watch;
  const int num_examples = config_->truncation.shots * task_->num_classes();
  const std::uint32_t step = first_step_ + static_cast<std::uint32_t>(k);
  task_->draw_batch(Purpose::kSupport, step, num_examples, support_);
  task_->draw_batch(Purpose::kQuery, step, num_examples, query_);
  probe_.num_support = probe_.num_query = num_examples;
  const auto count = static_cast<std::size_t>(num_examples);
  probe_.grid = {};
  if (const auto& windows = task_->windows()) {
    probe_.grid = {windows->down(), windows->across(), windows->cells_down, windows->cells_across};
  }
  const auto places = static_cast<std::size_t>(probe_.grid.places());
  const auto values = count * places * static_cast<std::size_t>(task_->num_inputs());
  probe_.support.assign(support_.x.begin(),
                        support_.x.begin() + static_cast<std::ptrdiff_t>(values));
  probe_.query.assign(query_.x.begin(), query_.x.begin() + static_cast<std::ptrdiff_t>(values));
  const auto coefficients = count * static_cast<std::size_t>(task_->num_targets());
  make_probe_targets<float>(
      task_->num_classes(), {support_.labels.data(), count},
      {support_.augmentation.data(), coefficients}, {query_.labels.data(), count},
      {query_.augmentation.data(), coefficients}, probe_.targets,
      config_->truncation.target_norm == "scalar" ? TargetNorm::kScalar : TargetNorm::kEach);
  seconds_ += watch.seconds();
  return probe_;
}

TruncationSettings<float> truncation_settings(const MetaConfig& config, int K) {
  const TruncationConfig& truncation = config.truncation;
  TruncationSettings<float> settings;
  settings.K = K;
  settings.objective_every = truncation.objective_every;
  if (truncation.stops) settings.stops = stopping_points(K);
  settings.kept_bytes = static_cast<std::size_t>(truncation.kept_mb) << 20;
  settings.inner_lr = static_cast<float>(config.inner.inner_lr);
  settings.lambda = static_cast<float>(truncation.lambda);
  settings.further_lambdas.assign(truncation.further_lambdas.begin(),
                                  truncation.further_lambdas.end());
  settings.judged_layers = truncation.judged_layers == "all"    ? JudgedLayers::kAll
                           : truncation.judged_layers == "best" ? JudgedLayers::kBest
                                                                : JudgedLayers::kTop;
  settings.loss = truncation.loss == "cosine" ? ProbeLoss::kCosine : ProbeLoss::kCrossEntropy;
  settings.joint_readout = truncation.joint_readout;
  settings.joint_norm = truncation.probe_norm == "joint";
  if (truncation.judged_state == "mean") settings.mean_share = config.inner.phi_mean_share;
  settings.largest_bar = static_cast<float>(config.estimator.largest_adjoint);
  return settings;
}

void use_step_settings(const RuleSettings& settings, TruncationSettings<float>& step) {
  step.inner_lr = static_cast<float>(settings[SettingName::kStep]);
  step.bias_pace = static_cast<float>(settings[SettingName::kBiasPace]);
  step.keep = static_cast<float>(settings[SettingName::kKeep]);
  step.inputs = static_cast<float>(settings[SettingName::kInputs]);
  if (step.mean_share > 0) step.mean_share = settings[SettingName::kAveraging];
}

Window draw_window(const MetaConfig& config, std::uint64_t seed, std::uint64_t task_index,
                   std::int64_t inner_step, std::int64_t truncation) {
  Random random(seed, Purpose::kTruncation, task_index, static_cast<std::uint32_t>(1 + truncation));
  return {inner_step, truncation, random.between(config.truncation.min_K, config.truncation.max_K)};
}

std::int64_t draw_first_step(std::uint64_t seed, std::uint64_t task_index, int T) {
  constexpr std::uint32_t kStream = 0xffffffff;  // windows use the numbers from 1 on
  Random random(seed, Purpose::kTruncation, task_index, kStream);
  return random.between(0, T - 1);
}

double TaskData::take_seconds() { return std::exchange(seconds_, 0.0); }

std::uint64_t slot_task_index(const Slot& slot, int slot_index, int num_slots) {
  return static_cast<std::uint64_t>(slot.generation) * static_cast<std::uint64_t>(num_slots) +
         static_cast<std::uint64_t>(slot_index);
}

double expected_work(const MetaConfig& config, std::uint64_t seed, int slot_index,
                     const Slot& slot) {
  const std::uint64_t index = slot_task_index(slot, slot_index, config.outer.outer_batch);
  const TrajectorySettings& settings = slot.settings;
  const double step = total_flops(count_step(settings.architecture, config.rule,
                                             settings.inner_batch * config.rule.num_views()));
  const double objective = count_objective_flops(
      settings.architecture, config.truncation.shots * slot.task->num_classes(),
      slot.task->num_classes() + slot.task->num_targets());
  const int K = draw_window(config, seed, index, slot.inner_step, slot.truncation).K;
  const double one = K * (step + objective / config.truncation.objective_every);
  if (config.estimator.name != "full-es") return one;
  return one / K * static_cast<double>(settings.T - slot.inner_step);  // the rest of the trajectory
}

void open_slot(const MetaConfig& config, const TaskDistribution& tasks, std::uint64_t seed,
               int slot_index, std::int64_t outer_step, Slot& slot) {
  const std::uint64_t index = slot_task_index(slot, slot_index, config.outer.outer_batch);
  slot.opened_at = outer_step;
  draw_slot(config, tasks, seed, index, slot);
  static_cast<TrajectoryState&>(slot) = {};
  slot.phi = first_phi_of(config, seed, index, slot.settings.architecture);
}

void reopen_slot(const MetaConfig& config, const TaskDistribution& tasks, std::uint64_t seed,
                 int slot_index, Slot& slot) {
  const std::uint64_t index = slot_task_index(slot, slot_index, config.outer.outer_batch);
  draw_slot(config, tasks, seed, index, slot);
  if (slot.phi.empty() && slot.inner_step == 0)
    slot.phi = first_phi_of(config, seed, index, slot.settings.architecture);
  const auto size = static_cast<std::size_t>(slot.settings.architecture.phi_size());
  const auto fits = [&](const std::vector<float>& phi) { return phi.size() == size; };
  if (fits(slot.phi) && std::all_of(slot.particles.begin(), slot.particles.end(), fits)) return;
  fail(
      "checkpoint: expected {} numbers for the base model of trajectory {} ({}), found {}; the "
      "file "
      "is damaged or its tasks are not those of this machine",
      size, slot_index, slot.task->family(), slot.phi.size());
}

}  // namespace metaplastic
