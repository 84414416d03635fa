// The schedule of a run: when to validate, to record, to save, and when to stop.
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/stop.h"
#include "meta/trainer.h"

namespace metaplastic {

// Updates go on while an asynchronous run is judged or its trajectories' states come in; so a line
// of metrics may wait for its validation, and a checkpoint for the states. A synchronous run, and
// any run at its end, waits itself.
RunEnd Trainer::run() {
  const double start = steady_seconds();
  const double earlier = state_.seconds;
  RunEnd end = RunEnd::kFinished;
  if (config_.validation.paired && state_.start_accuracies.empty()) judge_start();
  if (options_.resume) catch_up_validation();
  last_update_ = steady_seconds();
  while (state_.outer.outer_step < config_.outer.outer_steps && end == RunEnd::kFinished) {
    lines_.push_back(step());
    state_.seconds = earlier + steady_seconds() - start;
    const bool out_of_time =
        options_.minutes > 0 && steady_seconds() - start >= 60 * options_.minutes;
    if (stop_requested()) {
      end = RunEnd::kStopped;
    } else if (out_of_time) {
      end = RunEnd::kMinutesOver;
    }
    const bool last =
        end != RunEnd::kFinished || state_.outer.outer_step == config_.outer.outer_steps;
    const bool wait = last || config_.outer.mode != "async";
    if (last && config_.outer.mode == "async") tell(Tag::kHold);
    go_on_validating(wait, last, end == RunEnd::kStopped);
    write_lines();
    if (stop_requested()) end = RunEnd::kStopped;  // on_step may have asked for it
    go_on_saving(wait || end == RunEnd::kStopped, last || end == RunEnd::kStopped);
  }
  return end;
}

// A line of its own in the metrics, of outer step 0.
void Trainer::judge_start() {
  METAPLASTIC_CHECK(state_.outer.outer_step == 0);
  OuterMetrics metrics;
  metrics.validation = validate();
  state_.start_accuracies = metrics.validation->accuracies;
  record(metrics);
  if (options_.on_step) options_.on_step(metrics);
  save();
}

void Trainer::begin_validation() {
  validation_.emplace(state_.outer.outer_step, state_.outer.average, config_.validation.num_tasks,
                      validation_due(config_, state_));
  tell(Tag::kValidate, pack(ThetaMessage{state_.outer.outer_step, state_.outer.average}));
}

void Trainer::end_validation() {
  const ValidationResult result = validation_->result(state_.start_accuracies);
  const std::int64_t outer_step = validation_->outer_step();
  const bool scheduled = validation_->scheduled();
  const BestRule candidate{outer_step, result.accuracy, validation_->theta()};
  validation_.reset();
  folder_.take_validation(candidate, scheduled, state_);
  for (OuterMetrics& line : lines_) {
    if (line.outer_step == outer_step) line.validation = result;
  }
}

// A run that is stopped leaves validation to its next sitting.
void Trainer::go_on_validating(bool wait, bool last, bool stopped) {
  const auto done = [this] { return validation_->complete() || stop_requested(); };
  const bool begin = last || (validation_due(config_, state_) && !validation_);
  if (begin && !stopped) {
    if (validation_) {
      hear(done);
      if (validation_->complete()) end_validation();
    }
    begin_validation();
  }
  if (!validation_) return;
  if (wait) hear(done);
  if (validation_->complete()) {
    end_validation();
  } else if (stop_requested()) {
    validation_.reset();
  }
}

void Trainer::write_lines() {
  while (!lines_.empty()) {
    const OuterMetrics& line = lines_.front();
    if (validation_ && validation_->outer_step() == line.outer_step) return;
    record(line);
    if (options_.on_step) options_.on_step(line);
    lines_.pop_front();
  }
}

void Trainer::go_on_saving(bool wait, bool last) {
  const auto states_are_in = [this] { return states_missing_ == 0; };
  if (last && save_pending_) hear(states_are_in);
  if (last || (!save_pending_ && state_.outer.outer_step % config_.outer.checkpoint_every == 0)) {
    request_states();
    save_pending_ = true;
  }
  if (!save_pending_) return;
  if (wait) hear(states_are_in);
  // A checkpoint ahead of the metrics would lose the lines that still wait.
  if (!states_are_in() || !lines_.empty()) return;
  folder_.save(state_);
  save_pending_ = false;
}

void Trainer::catch_up_validation() {
  if (!validation_due(config_, state_)) return;
  OuterMetrics metrics;
  metrics.outer_step = state_.outer.outer_step;
  metrics.validation = validate();
  record(metrics);
}

}  // namespace metaplastic
