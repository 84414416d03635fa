// The files of a meta-training run: config, metrics, checkpoint and rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/json_lines.h"
#include "meta/checkpoint.h"
#include "meta/initial_theta.h"
#include "meta/outer_metrics.h"

namespace metaplastic {

// What a run of this config ships for theta: with the settings of its inner loop, without
// provenance.
Rule rule_of_run(const MetaConfig& config, std::vector<float> theta);

// The newest scheduled meta-validation is still to be made.
bool validation_due(const MetaConfig& config, const RunState& state);

// The rule that a run's meta-validation after `outer_step` updates wrote.
std::string step_rule_path(const std::string& run, std::int64_t outer_step);

class RunFolder {
 public:
  // `tasks` describes the task distribution, for provenance. Touches nothing yet.
  RunFolder(std::string path, const MetaConfig& config, std::uint64_t seed,
            std::vector<std::string> tasks);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  // Makes the folder and writes config.toml. Throws Error when a run is already there.
  void begin();
  // Reads the checkpoint and cuts the metrics back to it. Throws Error when there is none.
  RunState resume(const MetaConfig& config);

  void append_metrics(const OuterMetrics& metrics);
  void save(const RunState& state);
  // Takes over what a meta-validation found: writes rules/step-N.safetensors, and rule.safetensors
  // when the candidate is the best so far. A validation that is part of every run of this config
  // (scheduled) is noted in the state and may choose its best rule; one that is made because time
  // is up may not, or resuming would change the run.
  void take_validation(const BestRule& candidate, bool scheduled, RunState& state);

 private:
  void write_rules(const RunState& state, const BestRule& candidate, bool best);
  // Keeps other processes out of the folder until this one ends, however it ends.
  void lock();
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  std::string path_;
  MetaConfig config_;
  std::uint64_t seed_;
  std::vector<std::string> tasks_;
  int lock_ = -1;                           // descriptor
  std::optional<JsonLinesWriter> metrics_;  // open from the first line to the end
};

}  // namespace metaplastic
