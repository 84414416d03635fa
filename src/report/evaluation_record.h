// What `evaluate --json` wrote, read back for the report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace metaplastic {

struct EvaluatedMethod {
  std::string name;
  double accuracy = 0, standard_error = 0;
  double seconds = 0;    // NaN where the file has none
  std::string steps;     // "none" where the file has none
  std::string settings;  // "layer 2, lambda 0.1", a no-break space within each
};

struct EvaluationRecord {
  std::string dataset;
  std::int64_t shots = 0, trials = 0;
  std::uint64_t seed = 0;
  std::vector<EvaluatedMethod> methods;  // the most accurate first
  std::string verdict;                   // "" where the file compares nothing
  std::vector<std::string> class_names;
  // Of "learned", else of the most accurate method: [true class, predicted class], or empty.
  std::vector<std::int64_t> confusion;
  std::string confused_method;

  const EvaluatedMethod* find(const std::string& name) const;  // nullptr when there is none
};

// Throws Error, naming the file and what is wrong with it.
EvaluationRecord read_evaluation(const std::string& path);

}  // namespace metaplastic
