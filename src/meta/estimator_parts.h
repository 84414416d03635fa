// What the estimators of gradient_estimator.h share; only their own files include it.
#pragma once

#include "meta/gradient_estimator.h"

namespace metaplastic {

std::unique_ptr<GradientEstimator> make_truncated_es(const EstimatorConfig& config);
std::unique_ptr<GradientEstimator> make_full_es(const EstimatorConfig& config);
std::unique_ptr<GradientEstimator> make_pes(const EstimatorConfig& config);
std::unique_ptr<GradientEstimator> make_mixed(const EstimatorConfig& config);
std::unique_ptr<GradientEstimator> make_backprop_es(const EstimatorConfig& config);

// draw_perturbation for the problem's task, of the numbers that are trained; the others get 0.
void perturb(const InnerProblem& problem, std::uint64_t seed, std::int64_t truncation, int pair,
             double sigma, std::span<float> noise);

// out = theta + sign * noise, all [P].
void shift(std::span<const float> theta, float sign, std::span<const float> noise,
           std::vector<float>& out);

// The mean of several results, finite only if all are.
class ResultMean {
 public:
  void add(const TruncationResult& result);
  TruncationResult mean() const;

 private:
  TruncationResult sum_;
  int count_ = 0;
};

// gradient += noise * (plus - minus) / (2 sigma^2 pairs): one antithetic pair's share.
void add_pair(double loss_plus, double loss_minus, double sigma, int pairs,
              std::span<const float> noise, std::span<float> gradient);

// Counts the window as done.
void move_on(const Window& window, TrajectoryState& state);

bool all_finite(std::span<const float> values);

}  // namespace metaplastic
