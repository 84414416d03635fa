// The rule of the paper's authors: theta from the variables of their TensorFlow checkpoint.
// [released code: MoreLocalWeightUpdateProcess; docs/files.md, "The authors' checkpoints"]
#pragma once

#include <string>
#include <vector>

#include "io/safetensors.h"
#include "rule/rule_file.h"

namespace metaplastic {

struct ReleasedRule {
  Rule rule;  // with the release's settings of the inner loop, without provenance
  int num_used = 0;
  int num_biases = 0;               // in front of a norm, which takes them away
  int num_averages = 0;             // of norms, which use the batch's own statistics
  std::vector<std::string> others;  // names of what is no part of the rule
};

// Throws Error, naming the file, for a variable that is missing or has another type or shape, and
// for values that are not finite. Sizes follow from the shapes.
ReleasedRule rule_from_checkpoint(const TensorFile& checkpoint);

}  // namespace metaplastic
