// The rules of an experiment and what their rows are called: "learned" where there is one rule, and
// by their names where several stand beside each other.
#pragma once

#include <string>
#include <vector>

#include "experiments/experiment.h"
#include "experiments/measurement_log.h"

namespace metaplastic {

struct RuleCase {
  std::string method;   // in the column of methods, and in legends
  std::string subject;  // of a sentence: "the rule", or its name
  std::string suffix;   // of ids of figures: "", or "-NAME"
  const FoundRule* found = nullptr;

  const Rule& rule() const { return found->rule; }
  // A label of the progress line and of the log: with the rule's name where there are several.
  std::string label(const std::string& text) const;
};

// In the order in which the user gave them.
std::vector<RuleCase> rule_cases(const ExperimentOptions& options);
std::vector<std::string> rule_methods(const ExperimentOptions& options);

// "the rule" as the beginning of a sentence; names stay as they are.
std::string capitalized(std::string text);

// How often each rule was more accurate than the random network by more than both standard errors.
class Tally {
 public:
  explicit Tally(const std::vector<RuleCase>& cases);
  void add(const RuleCase& rule_case, const Measured& learned, const Measured& random);
  // "The rule is .. for 9 of 9 `things`."
  std::string text(const std::string& things) const;

 private:
  struct Count {
    std::string subject;
    int num_better = 0, num_all = 0;
  };
  std::vector<Count> counts_;
};

}  // namespace metaplastic
