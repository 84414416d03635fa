#include "cli/judge_rules.h"

#include <fmt/core.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "apply/find_rule.h"
#include "io/json_lines.h"
#include "meta/validation.h"

namespace metaplastic {
namespace {

constexpr int kFamilyWidth = 16;

std::string row_of(const std::map<std::string, double>& by_family, const char* sign) {
  std::string row;
  for (const auto& [family, value] : by_family)
    row += fmt::format("{:>{}}", fmt::format("{} {}{:.3f}", family, value < 0 ? "" : sign, value),
                       kFamilyWidth);
  return row;
}

void write_scores(const std::string& rule, const std::vector<TaskScore>& scores,
                  JsonLinesWriter& lines) {
  for (std::size_t n = 0; n < scores.size(); ++n)
    lines.write({{"rule", rule},
                 {"task", n},
                 {"family", scores[n].family},
                 {"accuracy", scores[n].accuracy},
                 {"random_accuracy", scores[n].random_accuracy},
                 {"meta_loss", scores[n].meta_loss}});
}

}  // namespace

void judge_rules(const MetaConfig& config, std::uint64_t seed, int num_threads,
                 const std::vector<std::string>& rules, const std::string& scores_path) {
  std::optional<JsonLinesWriter> lines;
  if (!scores_path.empty()) lines.emplace(scores_path);
  const TaskDistribution tasks(config.tasks);
  std::vector<double> first;
  for (const std::string& name : rules) {
    const Rule rule = find_rule(name).rule;
    const MetaConfig applied = as_applied(config, rule);
    std::vector<TaskScore> scores;
    const ValidationResult result =
        validate_theta(applied, tasks, seed, rule.theta, num_threads, &scores);
    if (lines) write_scores(name, scores, *lines);
    fmt::print("{}: {:.4f} +- {:.4f} on {} held-out tasks, {} inner steps\n  {}\n", name,
               result.accuracy, result.standard_error, scores.size(),
               applied.validation.inner_steps, row_of(result.by_family, ""));
    if (first.empty()) {
      first = result.accuracies;
    } else {
      const PairedDifference paired = paired_difference(scores, first);
      fmt::print("  against {}: {:+.4f} +- {:.4f}\n  {}\n", rules.front(), paired.accuracy,
                 paired.standard_error, row_of(paired.by_family, "+"));
    }
    std::fflush(stdout);
  }
}

}  // namespace metaplastic
