// The outer loop: truncations of all trajectories in flight, their mean gradient, Adam,
// checkpoints. [paper: section 3.4, appendix; docs/method.md, docs/distributed.md]
//
// One loop for one process or many. Synchronous runs are a function of (config, seed, program): the
// same bits for any number of ranks and threads, and for stop + resume against an uninterrupted
// run. Asynchronous ones (outer.mode) are not: gradients are used in the order in which they come.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "comm/local_comm.h"
#include "meta/outer_metrics.h"
#include "meta/ranked_validation.h"
#include "meta/run_folder.h"
#include "meta/worker.h"

namespace metaplastic {

struct RunOptions {
  std::string out;  // the run folder
  std::uint64_t seed = 0;
  int num_threads = 1;  // of this rank
  bool resume = false;
  double minutes = 0;         // stop after so long; 0: only after config.outer.outer_steps
  SuppliedFamilies families;  // those that tasks.callables of the config names
  Comm* comm = nullptr;       // this is its rank 0, the others are in serve_rank; null: no others
  std::function<void(const OuterMetrics&)> on_step;
  std::function<void(const std::string&)>
      on_note;  // one line: non-finite truncations, files written
};

enum class RunEnd { kFinished, kMinutesOver, kStopped };

// A run by hand, one update at a time, for callers that look in between:
//   Trainer trainer(config, options);
//   while (trainer.outer().outer_step < 100) use(trainer.step());
//   trainer.save();
class Trainer {
 public:
  // Starts a run in the folder options.out, or resumes the one there. Throws Error when the folder
  // holds another run, the config is at odds with a checkpoint, ...
  Trainer(const MetaConfig& config, const RunOptions& options);
  // Ends the other ranks. Saves nothing.
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  const OuterState& outer() const { return state_.outer; }
  // One update of theta.
  OuterMetrics step();
  // Judges the average of theta on the held-out tasks and writes it as a rule file.
  ValidationResult validate();
  // Adds a line to metrics.jsonl.
  void record(const OuterMetrics& metrics);
  void save();
  // All of it, to the end of the run: what meta_train does.
  RunEnd run();

 private:
  // Declared before all that may fail: the other ranks end however this one does.
  struct Ending {
    Comm& comm;
    ~Ending();
  };

  void start_or_resume();
  void tell(Tag tag, const Packer& packer = {});  // all ranks, this one among them
  void hear(const std::function<bool()>& enough);
  void take(const Message& message);
  void take_report(Report report);
  void request_states();

  void begin_validation();
  void end_validation();
  void write_lines();
  void catch_up_validation();
  void judge_start();
  void go_on_validating(bool wait, bool last, bool stopped);
  void go_on_saving(bool wait, bool last);

  const RunOptions options_;
  std::optional<LocalGroup> alone_;  // when no Comm was given
  Comm& comm_;
  const Ending ending_;
  const MetaConfig config_;
  const TaskDistribution tasks_;
  RunFolder folder_;
  RunState state_;
  Worker worker_;

  std::vector<Report> reports_;  // that have come for the update in hand
  int num_stale_ = 0;            // and those that came too late for it
  std::vector<int> rank_counts_;
  double last_update_ = 0;
  int states_missing_ = 0;
  bool save_pending_ = false;
  std::optional<RankedValidation> validation_;  // under way
  std::deque<OuterMetrics> lines_;              // not yet written: one waits for its validation
};

// Meta-trains into the folder options.out:
//   config.toml, metrics.jsonl, checkpoint.safetensors, rule.safetensors (best on meta-validation),
//   rules/step-NNNNNN.safetensors (one per validation).
// SIGTERM or SIGINT (base/stop.h) ends it after the outer step in hand, saved.
// Throws as Trainer does, and LostRank.
RunEnd meta_train(const MetaConfig& config, const RunOptions& options);

}  // namespace metaplastic
