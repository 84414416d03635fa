#include "eval/verdict.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

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
  const auto n = static_cast<double>(ours.size());
  if (ours.size() < 2) return {};
  std::vector<Comparison> comparisons;
  for (const MethodResult& method : result.methods) {
    if (method.name == learned->name) continue;
    METAPLASTIC_CHECK(method.trial_accuracy.size() == ours.size());
    Comparison comparison{method.name, 0, 0};
    for (std::size_t t = 0; t < ours.size(); ++t) {
      comparison.difference += (ours[t] - method.trial_accuracy[t]) / n;
    }
    double square = 0;
    for (std::size_t t = 0; t < ours.size(); ++t) {
      square += std::pow(ours[t] - method.trial_accuracy[t] - comparison.difference, 2);
    }
    comparison.standard_error = std::sqrt(square / (n - 1) / n);
    comparisons.push_back(comparison);
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
