// The fields of what a run sends, saves and shows, each named once. A visitor is called with each
// name and value: messages between ranks (protocol.cc), checkpoints (checkpoint.cc), lines of
// metrics (run_folder.cc), TensorBoard (report/tensorboard.cc) and Python's dicts are visitors.
#pragma once

#include <concepts>
#include <type_traits>

#include "meta/outer_metrics.h"
#include "meta/protocol.h"

namespace metaplastic {

// Records may be const: who only reads them gets const values.
template <class Record, class T>
concept FieldsOf = std::same_as<std::remove_const_t<Record>, T>;

// The saved state of a trajectory in flight: its whole numbers, then its lists of numbers. What is
// rebuilt from them (trajectory.h) has no field.
template <class Visitor, FieldsOf<Slot> Record>
void visit_counts(Visitor& v, Record& slot) {
  v("generation", slot.generation);
  v("opened_at", slot.opened_at);
  v("inner_step", slot.inner_step);
  v("truncation", slot.truncation);
}
template <class Visitor, FieldsOf<Slot> Record>
void visit_fields(Visitor& v, Record& slot) {
  visit_counts(v, slot);
  v("phi", slot.phi);
  v("particles", slot.particles);
  v("perturbations", slot.perturbations);
}

template <class Visitor, FieldsOf<Report> Record>
void visit_fields(Visitor& v, Record& report) {
  v("slot", report.slot);
  v("outer_step", report.outer_step);
  v("task_index", report.task_index);
  v("inner_step", report.inner_step);
  v("inner_steps", report.inner_steps);
  v("data_seconds", report.data_seconds);
  v("meta_loss", report.result.meta_loss);
  v("accuracy", report.result.accuracy);
  v("num_judged", report.result.num_judged);
  v("finite", report.result.finite);
  v("gradient", report.gradient);
}

template <class Visitor, FieldsOf<ThetaMessage> Record>
void visit_fields(Visitor& v, Record& message) {
  v("outer_step", message.outer_step);
  v("theta", message.theta);
}

template <class Visitor, FieldsOf<ScoreMessage> Record>
void visit_fields(Visitor& v, Record& message) {
  v("outer_step", message.outer_step);
  v("index", message.index);
  v("family", message.score.family);
  v("accuracy", message.score.accuracy);
  v("random_accuracy", message.score.random_accuracy);
  v("meta_loss", message.score.meta_loss);
}

template <class Visitor, FieldsOf<ErrorMessage> Record>
void visit_fields(Visitor& v, Record& message) {
  v("user", message.user);
  v("text", message.text);
}

template <class Visitor, FieldsOf<ValidationResult> Record>
void visit_fields(Visitor& v, Record& result) {
  v("accuracy", result.accuracy);
  v("standard_error", result.standard_error);
  v("random_accuracy", result.random_accuracy);
  v("meta_loss", result.meta_loss);
  v("by_family", result.by_family);
}

// Without what only asynchronous runs have, and without the validation.
template <class Visitor, FieldsOf<OuterMetrics> Record>
void visit_fields(Visitor& v, Record& metrics) {
  v("outer_step", metrics.outer_step);
  v("meta_loss", metrics.meta_loss);
  v("accuracy", metrics.accuracy);
  v("gradient_norm", metrics.gradient_norm);
  v("outer_lr", metrics.outer_lr);
  v("num_truncations", metrics.num_truncations);
  v("num_non_finite", metrics.num_non_finite);
  v("inner_steps", metrics.inner_steps);
  v("seconds", metrics.seconds);
  v("data_seconds", metrics.data_seconds);
}

}  // namespace metaplastic
