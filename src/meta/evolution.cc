// Evolution strategies with antithetic pairs: losses at theta + noise and theta - noise give the
// slope along the noise, an unbiased estimate of the gradient of the loss smoothed by the noise.
// Cost of an estimate: 2 pairs truncations (full-es: whole trajectories) without a backward sweep.
#include <algorithm>

#include "base/error.h"
#include "meta/estimator_parts.h"

namespace metaplastic {
namespace {

// One truncation, from the state under theta. Blind to all that happens after it, as truncated
// back-propagation is.
class TruncatedEs : public GradientEstimator {
 public:
  explicit TruncatedEs(const EstimatorConfig& config) : config_(config) {}

  TruncationResult estimate(InnerProblem& problem, std::span<const float> theta, std::uint64_t seed,
                            TrajectoryState& state, std::span<float> gradient) const override {
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    const Window window = problem.window(state.inner_step, state.truncation);
    std::vector<float> noise(theta.size()), moved, phi;
    ResultMean mean;
    for (int pair = 0; pair < config_.pairs; ++pair) {
      perturb(problem, seed, state.truncation, pair, config_.sigma, noise);
      double losses[2] = {};
      for (const int side : {0, 1}) {
        shift(theta, side == 0 ? 1.0f : -1.0f, noise, moved);
        phi = state.phi;
        const TruncationResult result = problem.loss(window, moved, phi);
        mean.add(result);
        losses[side] = result.meta_loss;
      }
      add_pair(losses[0], losses[1], config_.sigma, config_.pairs, noise, gradient);
    }
    problem.advance(window, theta, state.phi);
    move_on(window, state);
    TruncationResult result = mean.mean();
    result.finite = result.finite && all_finite(gradient) && all_finite(state.phi);
    return result;
  }

 private:
  EstimatorConfig config_;
};

// The rest of the trajectory, one perturbation for all of it. The loss is the mean over its
// truncations, so that the gradient has the size of the others'.
class FullEs : public GradientEstimator {
 public:
  explicit FullEs(const EstimatorConfig& config) : config_(config) {}

  TruncationResult estimate(InnerProblem& problem, std::span<const float> theta, std::uint64_t seed,
                            TrajectoryState& state, std::span<float> gradient) const override {
    METAPLASTIC_CHECK(state.inner_step < problem.num_inner_steps());
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    const auto pairs = static_cast<std::size_t>(config_.pairs);
    std::vector<std::vector<float>> noises(pairs, std::vector<float>(theta.size()));
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      perturb(problem, seed, state.truncation, static_cast<int>(pair), config_.sigma, noises[pair]);
    }
    std::vector<std::vector<float>> copies(2 * pairs, state.phi);
    std::vector<double> losses(2 * pairs, 0.0);
    std::vector<float> moved;
    ResultMean mean;
    int num_windows = 0;
    // All copies go through one window before the next, so that its data is made once.
    for (; state.inner_step < problem.num_inner_steps(); ++num_windows) {
      const Window window = problem.window(state.inner_step, state.truncation);
      for (std::size_t c = 0; c < copies.size(); ++c) {
        shift(theta, c % 2 == 0 ? 1.0f : -1.0f, noises[c / 2], moved);
        const TruncationResult result = problem.loss(window, moved, copies[c]);
        mean.add(result);
        losses[c] += result.meta_loss;
      }
      move_on(window, state);
    }
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      add_pair(losses[2 * pair] / num_windows, losses[2 * pair + 1] / num_windows, config_.sigma,
               config_.pairs, noises[pair], gradient);
    }
    TruncationResult result = mean.mean();
    result.finite = result.finite && all_finite(gradient);
    return result;
  }

 private:
  EstimatorConfig config_;
};

}  // namespace

std::unique_ptr<GradientEstimator> make_truncated_es(const EstimatorConfig& config) {
  return std::make_unique<TruncatedEs>(config);
}

std::unique_ptr<GradientEstimator> make_full_es(const EstimatorConfig& config) {
  return std::make_unique<FullEs>(config);
}

}  // namespace metaplastic
