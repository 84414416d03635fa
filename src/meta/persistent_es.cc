// Persistent evolution strategies (Vicol, Metz, Sohl-Dickstein, ICML 2021): every perturbed copy
// keeps its own inner state and takes fresh noise in each truncation; its loss is credited to the
// sum of all its noise so far. So the influence of early steps on later losses is counted, and the
// sum over a trajectory's truncations is unbiased for the gradient of the smoothed whole.
// Cost of an estimate: 2 pairs truncations without a backward sweep.
#include <algorithm>

#include "base/error.h"
#include "meta/estimator_parts.h"

namespace metaplastic {
namespace {

class PersistentEs : public GradientEstimator {
 public:
  explicit PersistentEs(const EstimatorConfig& config) : config_(config) {}

  TruncationResult estimate(InnerProblem& problem, std::span<const float> theta, std::uint64_t seed,
                            TrajectoryState& state, std::span<float> gradient) const override {
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    begin(theta.size(), state);
    const Window window = problem.window(state.inner_step, state.truncation);
    std::vector<float> noise(theta.size()), moved;
    ResultMean mean;
    for (std::size_t pair = 0; pair < state.perturbations.size(); ++pair) {
      perturb(problem, seed, state.truncation, static_cast<int>(pair), config_.sigma, noise);
      double losses[2] = {};
      for (const std::size_t side : {0, 1}) {
        shift(theta, side == 0 ? 1.0f : -1.0f, noise, moved);
        const TruncationResult result =
            problem.loss(window, moved, state.particles[2 * pair + side]);
        mean.add(result);
        losses[side] = result.meta_loss;
      }
      std::vector<float>& sum = state.perturbations[pair];
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += noise[i];
      add_pair(losses[0], losses[1], config_.sigma, config_.pairs, sum, gradient);
    }
    move_on(window, state);
    TruncationResult result = mean.mean();
    result.finite = result.finite && all_finite(gradient);
    return result;
  }

 private:
  // At a trajectory's start all copies are at phi, which the copies then leave behind.
  void begin(std::size_t num_theta, TrajectoryState& state) const {
    const auto pairs = static_cast<std::size_t>(config_.pairs);
    if (state.truncation == 0) {
      state.particles.assign(2 * pairs, state.phi);
      state.perturbations.assign(pairs, std::vector<float>(num_theta, 0.0f));
    }
    METAPLASTIC_CHECK(state.particles.size() == 2 * pairs && state.perturbations.size() == pairs);
  }

  EstimatorConfig config_;
};

}  // namespace

std::unique_ptr<GradientEstimator> make_pes(const EstimatorConfig& config) {
  return std::make_unique<PersistentEs>(config);
}

}  // namespace metaplastic
