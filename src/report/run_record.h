// A run folder, read for the report: config, metrics, and the rule that the run has made so far.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "meta/meta_config.h"
#include "rule/rule_file.h"

namespace metaplastic {

// One outer step. Numbers are NaN where the run has none, e.g. where every truncation was
// non-finite.
struct StepRecord {
  std::int64_t outer_step = 0;
  double meta_loss = 0, accuracy = 0, gradient_norm = 0, non_finite_share = 0;
  double inner_steps = 0, seconds = 0, inner_steps_per_second = 0;
};

struct ValidationRecord {
  std::int64_t outer_step = 0;
  double accuracy = 0, standard_error = 0, random_accuracy = 0, meta_loss = 0;
  std::map<std::string, double> by_family;
};

struct RuleRecord {
  Rule rule;
  std::string file;    // name within the run folder
  std::string sha256;  // of the file's content
  std::int64_t outer_step = 0;
  bool is_best = false;              // chosen on meta-validation; else the average as it stands
  std::vector<float> initial_theta;  // where the run started; empty when that is not known
};

struct RunRecord {
  std::string folder;
  MetaConfig config;
  std::vector<StepRecord> steps;              // ascending
  std::vector<ValidationRecord> validations;  // ascending
  std::optional<RuleRecord> rule;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> notes;  // one line each

  std::int64_t last_step() const;
};

// Works while the run goes on: an unfinished last line of the metrics is left out with a note, and
// a run without validations, rule or checkpoint has none. Throws Error, naming the file, when
// config.toml or metrics.jsonl is missing, or any file is damaged.
RunRecord read_run(const std::string& folder);

}  // namespace metaplastic
