// Are the learned features worth it on this data set? The paired differences to the other methods,
// and the line that says so in words.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/evaluate.h"

namespace metaplastic {

struct Comparison {
  std::string method;         // what "learned" is compared with
  double difference = 0;      // accuracy of learned less that of the method, mean over the draws
  double standard_error = 0;  // of that mean: all methods share their draws, so draws are paired

  // Beyond two standard errors either way.
  bool is_better() const { return difference > 2 * standard_error; }
  bool is_worse() const { return difference < -2 * standard_error; }
};

// One per method besides "learned"; empty without it, or with fewer than two draws.
std::vector<Comparison> compare_learned(const EvaluationResult& result);

// "verdict: on this data set the learned features beat raw (+0.0120 +- 0.0030) but do not beat pca
// (...)"; "" when there is no learned, or neither raw nor pca, to compare.
std::string verdict_line(const std::vector<Comparison>& comparisons);

// [{"method", "difference", "stderr"}]
nlohmann::json comparisons_json(const std::vector<Comparison>& comparisons);

}  // namespace metaplastic
