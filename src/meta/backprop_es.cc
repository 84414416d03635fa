// Back-propagation for what an inner step has derivatives by; evolution strategies for the settings
// that it has none by (length of walks, noise of second views). Each antithetic pair perturbs those
// few settings alone, with the same batches on both sides: one side is run with its gradient, the
// other for its loss. Cost of an estimate: a quarter more than back-propagation, times pairs.
#include <algorithm>

#include "base/random.h"
#include "meta/estimator_parts.h"

namespace metaplastic {
namespace {

class BackpropEs : public GradientEstimator {
 public:
  explicit BackpropEs(const EstimatorConfig& config) : config_(config) {}

  TruncationResult estimate(InnerProblem& problem, std::span<const float> theta, std::uint64_t seed,
                            TrajectoryState& state, std::span<float> gradient) const override {
    std::ranges::fill(gradient, 0.0f);
    const Window window = problem.window(state.inner_step, state.truncation);
    const std::size_t n = problem.num_rough_settings();
    if (n == 0) {
      const TruncationResult result = problem.gradient(window, theta, state.phi, gradient);
      move_on(window, state);
      return result;
    }
    std::vector<float> noise(n), opposite(n), rough_bar(n), phi;
    ResultMean mean;
    for (int pair = 0; pair < config_.pairs; ++pair) {
      draw_perturbation(seed, problem.task_index(), state.truncation, pair, config_.settings_sigma,
                        noise);
      std::ranges::transform(noise, opposite.begin(), std::negate());
      problem.shift_rough_settings(noise);
      phi = state.phi;
      const TruncationResult plus = problem.gradient(window, theta, phi, gradient);
      problem.shift_rough_settings(opposite);
      phi = state.phi;
      const TruncationResult minus = problem.loss(window, theta, phi);
      mean.add(plus);
      mean.add(minus);
      // Of one pair: the sum is divided by their number below, with that of the gradients.
      add_pair(plus.meta_loss, minus.meta_loss, config_.settings_sigma, 1, noise, rough_bar);
    }
    problem.shift_rough_settings(std::vector<float>(n, 0.0f));
    problem.add_rough_bar(theta, rough_bar, gradient);
    for (float& value : gradient) value /= static_cast<float>(config_.pairs);
    if (window.first_step + window.K < problem.num_inner_steps())
      problem.advance(window, theta, state.phi);
    move_on(window, state);
    TruncationResult result = mean.mean();
    result.finite = result.finite && all_finite(gradient);
    return result;
  }

 private:
  EstimatorConfig config_;
};

}  // namespace

std::unique_ptr<GradientEstimator> make_backprop_es(const EstimatorConfig& config) {
  return std::make_unique<BackpropEs>(config);
}

}  // namespace metaplastic
