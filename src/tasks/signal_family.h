// Generated signals [time, channels]: every class has sources of its own (signal_source.h), an
// instance starts anywhere, is stretched, and has noise. Where an event falls tells nothing.
// Meta-validation has kinds of sources that meta-training never sees.
#pragma once

#include <limits>
#include <memory>
#include <span>
#include <string_view>

#include "tasks/signal_source.h"
#include "tasks/task_family.h"

namespace metaplastic {

std::span<const SignalKind> signal_kinds(Split split);

class SignalFamily : public TaskFamily {
 public:
  // A task has min_inputs to max_inputs numbers (log-uniform): times x channels.
  SignalFamily(int min_inputs, int max_inputs) : min_inputs_(min_inputs), max_inputs_(max_inputs) {}

  std::string_view name() const override { return "signals"; }
  std::string describe() const override { return "signals: generated, version 1"; }
  int max_classes(Split) const override { return std::numeric_limits<int>::max(); }
  std::unique_ptr<ClassSet> draw_classes(Split split, int num_classes,
                                         Random& random) const override;
  // The same of a given kind and shape {1, time, channels}.
  static std::unique_ptr<ClassSet> draw_classes(SignalKind kind, const ImageShape& shape,
                                                int num_classes, Random& random);

 private:
  int min_inputs_, max_inputs_;
};

}  // namespace metaplastic
