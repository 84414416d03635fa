// Back-propagation for what an inner step has derivatives by; evolution strategies for the settings
// that it has none by (length of walks, noise of second views). Each antithetic pair perturbs those
// few settings alone, with the same batches on both sides: one side is run with its gradient, the
// other for its loss. Cost of an estimate: a quarter more than back-propagation, times pairs.
//
// Some trajectories are chaotic: their states stay bounded, but the adjoint grows tenfold every few
// steps, and the slope is no longer that of any change one could make. Those have the slope by mix
// and settings from pairs of whole runs instead, and none by the rest of theta.
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
    const Window window = problem.window(state.inner_step, state.truncation);
    Run run{problem, theta, seed, state, window};
    std::ranges::fill(gradient, 0.0f);
    TruncationResult result = tame_estimate(run, gradient);
    if (!result.tame) {
      std::ranges::fill(gradient, 0.0f);
      result = chaotic_estimate(run, gradient);
    }
    if (result.tame && problem.num_shifted(Shifted::kRough) == 0) {
      state.phi = run.phi;
    } else if (window.first_step + window.K < problem.num_inner_steps()) {
      problem.advance(window, theta, state.phi);
    }
    move_on(window, state);
    result.finite = result.finite && all_finite(gradient);
    return result;
  }

 private:
  struct Run {
    InnerProblem& problem;
    std::span<const float> theta;
    std::uint64_t seed;
    const TrajectoryState& state;
    Window window;
    std::vector<float> phi = {};
  };

  // What the problem makes of an antithetic pair, by use(sign).
  template <class Use>
  void run_pair(Run& run, Shifted which, int pair, std::span<float> bar, const Use& use) const {
    std::vector<float> noise(bar.size());
    draw_perturbation(run.seed, run.problem.task_index(), run.state.truncation, pair,
                      config_.settings_sigma, noise);
    double losses[2] = {};
    for (const int side : {0, 1}) {
      run.problem.shift(which, noise);
      run.phi = run.state.phi;
      losses[side] = use(side).meta_loss;
      std::ranges::transform(noise, noise.begin(), std::negate());
    }
    // Of one pair: sums are divided by the number of pairs afterwards.
    add_pair(losses[0], losses[1], config_.settings_sigma, 1, noise, bar);
  }

  void end_pairs(Run& run, Shifted which, int pairs, std::span<const float> bar,
                 std::span<float> gradient) const {
    run.problem.shift(which, std::vector<float>(bar.size(), 0.0f));
    run.problem.add_shift_bar(which, run.theta, bar, gradient);
    for (float& value : gradient) value /= static_cast<float>(pairs);
  }

  TruncationResult tame_estimate(Run& run, std::span<float> gradient) const {
    std::vector<float> bar(run.problem.num_shifted(Shifted::kRough));
    ResultMean mean;
    if (bar.empty()) {
      run.phi = run.state.phi;
      return run.problem.gradient(run.window, run.theta, run.phi, gradient);
    }
    bool tame = true;
    for (int pair = 0; pair < config_.pairs && tame; ++pair) {
      run_pair(run, Shifted::kRough, pair, bar, [&](int side) {
        TruncationResult result;
        if (side == 0) {
          result = run.problem.gradient(run.window, run.theta, run.phi, gradient);
          tame = result.tame;
        } else if (tame) {
          result = run.problem.loss(run.window, run.theta, run.phi);
        }
        mean.add(result);
        return result;
      });
    }
    end_pairs(run, Shifted::kRough, config_.pairs, bar, gradient);
    TruncationResult result = mean.mean();
    result.tame = tame;
    return result;
  }

  // Twice as many pairs: they take as long as those with a gradient.
  TruncationResult chaotic_estimate(Run& run, std::span<float> gradient) const {
    const int pairs = 2 * config_.pairs;
    std::vector<float> bar(run.problem.num_shifted(Shifted::kMixAndSettings));
    ResultMean mean;
    for (int pair = 0; pair < pairs; ++pair) {
      run_pair(run, Shifted::kMixAndSettings, config_.pairs + pair, bar, [&](int) {
        const TruncationResult result = run.problem.loss(run.window, run.theta, run.phi);
        mean.add(result);
        return result;
      });
    }
    end_pairs(run, Shifted::kMixAndSettings, pairs, bar, gradient);
    TruncationResult result = mean.mean();
    result.tame = false;
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
