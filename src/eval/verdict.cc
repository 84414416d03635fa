#include "eval/verdict.h"

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/statistics.h"

namespace metaplastic {
namespace {

std::string describe(const Comparison& comparison) {
  return fmt::format("{} ({:+.4f} +- {:.4f})", comparison.method, comparison.difference,
                     comparison.standard_error);
}

}  // namespace

std::vector<Comparison> compare_learned(const EvaluationResult& result) {
  const auto learned = std::ranges::find(result.methods, "learned", &MethodResult::name);
  if (learned == result.methods.end()) return {};
  const std::vector<double>& ours = learned->trial_accuracy;
  if (ours.size() < 2) return {};
  std::vector<Comparison> comparisons;
  for (const MethodResult& method : result.methods) {
    if (method.name == learned->name) continue;
    METAPLASTIC_CHECK(method.trial_accuracy.size() == ours.size());
    std::vector<double> differences(ours.size());
    std::ranges::transform(ours, method.trial_accuracy, differences.begin(), std::minus());
    comparisons.push_back({method.name, mean(differences), standard_error(differences)});
  }
  return comparisons;
}

std::string verdict_line(const std::vector<Comparison>& comparisons) {
  std::vector<std::string> better, equal, worse;
  for (const Comparison& comparison : comparisons) {
    if (comparison.method != "raw" && comparison.method != "pca") continue;
    (comparison.is_better()  ? better
     : comparison.is_worse() ? worse
                             : equal)
        .push_back(describe(comparison));
  }
  std::vector<std::string> parts;
  if (!better.empty()) parts.push_back(fmt::format("beat {}", fmt::join(better, " and ")));
  if (!equal.empty()) {
    parts.push_back(fmt::format("show no difference to {}", fmt::join(equal, " and ")));
  }
  if (!worse.empty()) {
    parts.push_back(fmt::format("are worse than {}: use {} here", fmt::join(worse, " and "),
                                worse.size() > 1 ? "one of those" : "that"));
  }
  if (parts.empty()) return "";
  return fmt::format("verdict: on this data set the learned features {}", fmt::join(parts, ", "));
}

nlohmann::json comparisons_json(const std::vector<Comparison>& comparisons) {
  nlohmann::json list = nlohmann::json::array();
  for (const Comparison& comparison : comparisons) {
    list.push_back({{"method", comparison.method},
                    {"difference", comparison.difference},
                    {"stderr", comparison.standard_error}});
  }
  return list;
}

}  // namespace metaplastic
