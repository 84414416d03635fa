#include "meta/trainer.h"

#include <filesystem>

#include "base/clock.h"
#include "base/error.h"
#include "base/stop.h"
#include "meta/run_folder.h"
#include "rule/classical.h"

namespace metaplastic {
namespace {

class Trainer {
 public:
  Trainer(const MetaConfig& config, const RunOptions& options)
      : config_(config),
        options_(options),
        layout_(config.rule),
        tasks_(config.tasks),
        estimator_(make_estimator(config.estimator)),
        pool_(options.num_threads),
        workspaces_(static_cast<std::size_t>(options.num_threads)),
        results_(static_cast<std::size_t>(config.outer.outer_batch)),
        gradients_(static_cast<std::size_t>(config.outer.outer_batch)),
        folder_(options.out, config, options.seed, tasks_.describe()) {}

  RunEnd run() {
    start_or_resume();
    const double start = steady_seconds();
    const double earlier = state_.seconds;
    RunEnd end = RunEnd::kFinished;
    if (options_.resume) catch_up_validation();
    while (state_.outer.outer_step < config_.outer.outer_steps) {
      OuterMetrics metrics = outer_step();
      state_.seconds = earlier + steady_seconds() - start;
      const bool out_of_time =
          options_.minutes > 0 && steady_seconds() - start >= 60 * options_.minutes;
      const bool last = out_of_time || state_.outer.outer_step == config_.outer.outer_steps;
      // A run that is stopped leaves validation to its next sitting (catch_up_validation).
      if (!stop_requested() && (last || validation_due())) validate(metrics);
      folder_.append_metrics(metrics);
      if (options_.on_step) options_.on_step(metrics);
      if (stop_requested()) end = RunEnd::kStopped;
      if (end != RunEnd::kStopped && out_of_time) end = RunEnd::kMinutesOver;
      if (end != RunEnd::kFinished || last ||
          state_.outer.outer_step % config_.outer.checkpoint_every == 0) {
        folder_.save(state_);
      }
      if (end != RunEnd::kFinished) break;
    }
    return end;
  }

 private:
  void start_or_resume() {
    if (options_.resume) {
      state_ = folder_.resume(config_);
      for (std::size_t s = 0; s < state_.slots.size(); ++s) {
        reopen_slot(config_, tasks_, state_.seed, static_cast<int>(s), state_.slots[s]);
      }
      return;
    }
    state_.seed = options_.seed;
    state_.outer = start_outer_state(initial_theta(config_, options_.seed));
    folder_.begin();  // last: a start that fails leaves no folder behind
    state_.slots.resize(static_cast<std::size_t>(config_.outer.outer_batch));
    for (std::size_t s = 0; s < state_.slots.size(); ++s) open(static_cast<int>(s));
  }

  void open(int slot_index) {
    open_slot(config_, tasks_, state_.seed, slot_index, state_.outer.outer_step,
              state_.slots[static_cast<std::size_t>(slot_index)]);
  }

  // One estimate from one trajectory; writes only what belongs to its slot.
  void estimate(int worker, int slot_index) {
    const auto s = static_cast<std::size_t>(slot_index);
    Slot& slot = state_.slots[s];
    TrajectoryProblem problem(
        config_, layout_, state_.seed, slot_task_index(slot, slot_index, config_.outer.outer_batch),
        *slot.task, slot.shape, workspaces_[static_cast<std::size_t>(worker)]);
    gradients_[s].resize(state_.outer.theta.size());
    results_[s] =
        estimator_->estimate(problem, state_.outer.theta, state_.seed, slot, gradients_[s]);
    if (results_[s].finite) clip_norm(gradients_[s], config_.outer.clip_truncation);
  }

  // Sums in the order of the slots, so that threads do not change a bit.
  OuterMetrics reduce(std::vector<float>& gradient) {
    OuterMetrics metrics;
    gradient.assign(state_.outer.theta.size(), 0.0f);
    int num_finite = 0;
    for (std::size_t s = 0; s < results_.size(); ++s) {
      const TruncationResult& result = results_[s];
      if (!result.finite) {
        ++metrics.num_non_finite;
        report_non_finite(static_cast<int>(s));
        continue;
      }
      ++num_finite;
      metrics.meta_loss += result.meta_loss;
      metrics.accuracy += result.accuracy;
      for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += gradients_[s][i];
    }
    metrics.num_truncations = static_cast<int>(results_.size());
    state_.non_finite_truncations += metrics.num_non_finite;
    if (num_finite == 0) return metrics;
    for (float& value : gradient) value /= static_cast<float>(num_finite);
    metrics.meta_loss /= num_finite;
    metrics.accuracy /= num_finite;
    return metrics;
  }

  OuterMetrics outer_step() {
    const double start = steady_seconds();
    std::int64_t before = 0, after = 0;
    for (const Slot& slot : state_.slots) before += slot.inner_step;
    pool_.parallel_for(static_cast<int>(state_.slots.size()),
                       [this](int worker, int slot) { estimate(worker, slot); });
    for (const Slot& slot : state_.slots) after += slot.inner_step;
    std::vector<float> gradient;
    OuterMetrics metrics = reduce(gradient);
    metrics.gradient_norm = clip_norm(gradient, config_.outer.clip_gradient);
    metrics.outer_lr = outer_lr_at(config_.outer, state_.outer.outer_step);
    adam_step(config_.outer, gradient, state_.outer);
    for (std::size_t s = 0; s < state_.slots.size(); ++s) {
      Slot& slot = state_.slots[s];
      if (results_[s].finite && slot.inner_step < slot.shape.T) continue;
      ++slot.generation;
      open(static_cast<int>(s));
    }
    metrics.outer_step = state_.outer.outer_step;
    metrics.inner_steps = after - before;
    metrics.seconds = steady_seconds() - start;
    for (TrajectoryWorkspace& workspace : workspaces_)
      metrics.data_seconds += workspace.data.take_seconds();
    return metrics;
  }

  void report_non_finite(int slot_index) {
    if (!options_.on_note) return;
    const Slot& slot = state_.slots[static_cast<std::size_t>(slot_index)];
    options_.on_note(fmt::format(
        "non-finite truncation: seed {}, task {} ({}), inner steps up to {}; it restarts",
        state_.seed, slot_task_index(slot, slot_index, config_.outer.outer_batch),
        slot.task->family(), slot.inner_step));
  }

  bool validation_due() const {
    return state_.outer.outer_step % config_.validation.every == 0 &&
           state_.last_validation < state_.outer.outer_step;
  }

  void catch_up_validation() {
    if (state_.outer.outer_step == 0 || !validation_due()) return;
    OuterMetrics metrics;
    metrics.outer_step = state_.outer.outer_step;
    validate(metrics);
    folder_.append_metrics(metrics);
  }

  // A validation that is part of every run of this config may choose the best rule for the
  // checkpoint; one that is made because time is up may not, or resuming would change the run.
  void validate(OuterMetrics& metrics) {
    const bool scheduled = validation_due();
    if (scheduled) state_.last_validation = state_.outer.outer_step;
    metrics.validation = validate_rule(config_, tasks_, state_.seed, state_.outer.average, pool_);
    const double accuracy = metrics.validation->accuracy;
    BestRule candidate{state_.outer.outer_step, accuracy, state_.outer.average};
    const bool best = state_.best.outer_step < 0 || accuracy >= state_.best.accuracy;
    folder_.write_rules(state_, candidate, best);
    if (best && scheduled) state_.best = candidate;
  }

  MetaConfig config_;
  RunOptions options_;
  ThetaLayout layout_;
  TaskDistribution tasks_;
  std::unique_ptr<GradientEstimator> estimator_;
  ThreadPool pool_;
  std::vector<TrajectoryWorkspace> workspaces_;
  std::vector<TruncationResult> results_;      // per slot
  std::vector<std::vector<float>> gradients_;  // per slot, [P]
  RunFolder folder_;
  RunState state_;
};

}  // namespace

RunEnd meta_train(const MetaConfig& config, const RunOptions& options) {
  config.validate();
  return Trainer(config, options).run();
}

}  // namespace metaplastic
