// The outer loop: truncations of all trajectories in flight, their mean gradient, Adam,
// checkpoints. [paper: section 3.4, appendix; docs/method.md]
//
// A run is a function of (config, seed, program): the same bits for any number of threads, and for
// stop + resume against an uninterrupted run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "meta/checkpoint.h"
#include "meta/validation.h"

namespace metaplastic {

// What one outer step did; one line of metrics.jsonl.
struct OuterMetrics {
  std::int64_t outer_step = 0;  // updates done, counting this one
  double meta_loss = 0;         // mean over the truncations that were finite
  double accuracy = 0;
  double gradient_norm = 0;  // of the averaged gradient before clipping
  double outer_lr = 0;
  int num_truncations = 0;
  int num_non_finite = 0;
  std::int64_t inner_steps = 0;
  double seconds = 0;       // of this outer step
  double data_seconds = 0;  // making batches, summed over threads
  std::optional<ValidationResult> validation;
};

struct RunOptions {
  std::string out;  // the run folder
  std::uint64_t seed = 0;
  int num_threads = 1;
  bool resume = false;
  double minutes = 0;  // stop after so long; 0: only after config.outer.outer_steps
  std::function<void(const OuterMetrics&)> on_step;
  std::function<void(const std::string&)>
      on_note;  // one line: non-finite truncations, files written
};

enum class RunEnd { kFinished, kMinutesOver, kStopped };

// Meta-trains into the folder options.out:
//   config.toml, metrics.jsonl, checkpoint.safetensors, rule.safetensors (best on meta-validation),
//   rules/step-NNNNNN.safetensors (one per validation).
// SIGTERM or SIGINT (base/stop.h) ends it after the outer step in hand, saved.
// Throws Error when the folder holds another run, the config is at odds with a checkpoint, ...
RunEnd meta_train(const MetaConfig& config, const RunOptions& options);

}  // namespace metaplastic
