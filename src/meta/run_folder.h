// The files of a meta-training run: config, metrics, checkpoint and rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/json_lines.h"
#include "meta/checkpoint.h"
#include "meta/outer_metrics.h"

namespace metaplastic {

// Where theta starts: random, a classical rule, or a rule file of the same sizes (outer.init_rule).
std::vector<float> initial_theta(const MetaConfig& config, std::uint64_t seed);

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
  // rules/step-N.safetensors, and rule.safetensors when it is the best so far.
  void write_rules(const RunState& state, const BestRule& candidate, bool best);

 private:
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
