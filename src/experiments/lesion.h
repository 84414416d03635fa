// Parts of a rule that can be switched off by zeros in theta.
#pragma once

#include <string>
#include <vector>

#include "rule/rule_file.h"

namespace metaplastic {

struct Lesion {
  std::string part;  // "term" of the weight step, or "input" of the update network
  std::string name;
  std::vector<std::size_t> places;  // in theta
};

// Every term by its weight in the mix, and every input by its rows of the matrix that reads it.
std::vector<Lesion> lesions_of(const RuleSizes& sizes);
Rule lesioned(const Rule& rule, const Lesion& lesion);

}  // namespace metaplastic
