// What an experiment leaves behind: NAME.json with everything, NAME-*.vl.json per chart for any
// Vega-Lite viewer, NAME-*.png per picture. Layout: docs/experiments.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "experiments/experiment.h"

namespace metaplastic {

// 2: "rules" instead of "rule", and "cpu_seconds".
inline constexpr const char* kExperimentFormat = "metaplastic experiment 2";

struct RunTime {
  double seconds = 0;      // of the last run
  double cpu_seconds = 0;  // of all threads, and of the runs that were stopped
};

// `command` as typed.
nlohmann::json result_json(const Experiment& experiment, const ExperimentOptions& options,
                           const ExperimentResult& result, const std::string& command,
                           const RunTime& time);
// Writes the files into options.out, each atomically, the JSON last. Returns their paths.
std::vector<std::string> write_result(const Experiment& experiment,
                                      const ExperimentOptions& options,
                                      const ExperimentResult& result, const std::string& command,
                                      const RunTime& time);
// The rows as a table for people, then the finding; ends in a line feed.
std::string result_table(const ExperimentResult& result);

}  // namespace metaplastic
