#include "experiments/rule_cases.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"

namespace metaplastic {
namespace {

// A name as part of a file name.
std::string as_suffix(const std::string& name) {
  std::string suffix = "-";
  for (const char c : name) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (is_plain || suffix.back() != '-') suffix += is_plain ? c : '-';
  }
  return suffix;
}

}  // namespace

std::string RuleCase::label(const std::string& text) const {
  return suffix.empty() ? text : fmt::format("{}, {}", text, method);
}

std::vector<RuleCase> rule_cases(const ExperimentOptions& options) {
  METAPLASTIC_CHECK(!options.rules.empty());
  if (options.rules.size() == 1) return {{"learned", "the rule", "", &options.rules.front()}};
  std::vector<RuleCase> cases;
  for (const FoundRule& found : options.rules) {
    cases.push_back({found.name, found.name, as_suffix(found.name), &found});
  }
  return cases;
}

std::vector<std::string> rule_methods(const ExperimentOptions& options) {
  std::vector<std::string> methods;
  for (const RuleCase& rule_case : rule_cases(options)) methods.push_back(rule_case.method);
  return methods;
}

std::string capitalized(std::string text) {
  if (text.starts_with("the ")) text.front() = 'T';
  return text;
}

Tally::Tally(const std::vector<RuleCase>& cases) {
  for (const RuleCase& each : cases) counts_.push_back({each.subject});
}

void Tally::add(const RuleCase& rule_case, const Measured& learned, const Measured& random) {
  const auto count = std::ranges::find(counts_, rule_case.subject, &Count::subject);
  METAPLASTIC_CHECK(count != counts_.end());
  ++count->num_all;
  count->num_better += learned.accuracy > random.accuracy + random.error + learned.error;
}

std::string Tally::text(const std::string& things) const {
  std::string result;
  for (const Count& count : counts_) {
    result += fmt::format(
        "{}{} is more accurate than the random network, by more than both standard errors, for {} "
        "of {} {}.",
        result.empty() ? "" : " ", capitalized(count.subject), count.num_better, count.num_all,
        things);
  }
  return result;
}

}  // namespace metaplastic
