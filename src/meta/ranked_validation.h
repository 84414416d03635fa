// One meta-validation while its scores come in from the ranks.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "meta/protocol.h"
#include "meta/validation.h"

namespace metaplastic {

class RankedValidation {
 public:
  // scheduled: it is made in every run of the config, however often that is stopped.
  RankedValidation(std::int64_t outer_step, std::vector<float> theta, int num_tasks, bool scheduled)
      : outer_step_(outer_step),
        theta_(std::move(theta)),
        scheduled_(scheduled),
        scores_(static_cast<std::size_t>(num_tasks)) {}

  std::int64_t outer_step() const { return outer_step_; }
  const std::vector<float>& theta() const { return theta_; }
  bool scheduled() const { return scheduled_; }
  // Scores of an earlier validation, given up since, are passed over.
  void take(const ScoreMessage& message) {
    if (message.outer_step != outer_step_) return;
    auto& place = scores_.at(static_cast<std::size_t>(message.index));
    if (!place) ++num_scores_;
    place = message.score;
  }
  bool complete() const { return num_scores_ == scores_.size(); }
  // In the order of the tasks, whoever judged them. start_accuracies: of the run's start, or none.
  ValidationResult result(const std::vector<double>& start_accuracies) const {
    std::vector<TaskScore> scores;
    for (const auto& score : scores_) scores.push_back(score.value());
    ValidationResult result = summarize(scores);
    if (!start_accuracies.empty()) result.paired = paired_difference(scores, start_accuracies);
    return result;
  }

 private:
  std::int64_t outer_step_;
  std::vector<float> theta_;  // [P]
  bool scheduled_;
  std::vector<std::optional<TaskScore>> scores_;
  std::size_t num_scores_ = 0;
};

}  // namespace metaplastic
