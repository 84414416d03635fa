// Back-propagation and ES at the same perturbed thetas, both estimates of the gradient of the
// smoothed truncation, averaged with weights inverse to their measured variances (after Metz et
// al., ICML 2019, who weight every number of theta by itself; here one weight for all, since a
// variance measured on a few pairs is too noisy for that). Where the loss is smooth,
// back-propagation carries the estimate; where it is rough, ES takes over.
// Cost of an estimate: 2 pairs truncations with their backward sweeps.
#include <algorithm>

#include "base/error.h"
#include "meta/estimator_parts.h"

namespace metaplastic {
namespace {

// Mean of [P] samples and the variance of that mean, summed over the numbers.
class SampleMean {
 public:
  explicit SampleMean(std::size_t size) : sum_(size, 0.0) {}
  void add(std::size_t i, double value) {
    sum_[i] += value;
    squares_ += value * value;
  }
  double mean(std::size_t i, int count) const { return sum_[i] / count; }
  double variance_of_mean(int count) const {
    double of_sum = 0;
    for (const double value : sum_) of_sum += value * value;
    return std::max(0.0, squares_ - of_sum / count) / (count - 1) / count;
  }

 private:
  std::vector<double> sum_;
  double squares_ = 0;
};

class Mixed : public GradientEstimator {
 public:
  explicit Mixed(const EstimatorConfig& config) : config_(config) {
    METAPLASTIC_CHECK(config.pairs >= 2);
  }

  TruncationResult estimate(InnerProblem& problem, std::span<const float> theta, std::uint64_t seed,
                            TrajectoryState& state, std::span<float> gradient) const override {
    const Window window = problem.window(state.inner_step, state.truncation);
    SampleMean backprop(theta.size()), es(theta.size());
    std::vector<float> noise(theta.size()), moved, phi, bar(theta.size());
    ResultMean mean;
    for (int pair = 0; pair < config_.pairs; ++pair) {
      perturb(problem, seed, state.truncation, pair, config_.sigma, noise);
      std::fill(bar.begin(), bar.end(), 0.0f);  // of both sides
      double losses[2] = {};
      for (const int side : {0, 1}) {
        shift(theta, side == 0 ? 1.0f : -1.0f, noise, moved);
        phi = state.phi;
        const TruncationResult result = problem.gradient(window, moved, phi, bar);
        mean.add(result);
        losses[side] = result.meta_loss;
      }
      const double slope = (losses[0] - losses[1]) / (2 * config_.sigma * config_.sigma);
      for (std::size_t i = 0; i < theta.size(); ++i) {
        backprop.add(i, 0.5 * static_cast<double>(bar[i]));
        es.add(i, slope * static_cast<double>(noise[i]));
      }
    }
    combine(backprop, es, gradient);
    problem.advance(window, theta, state.phi);
    move_on(window, state);
    TruncationResult result = mean.mean();
    result.finite = result.finite && all_finite(gradient) && all_finite(state.phi);
    return result;
  }

 private:
  void combine(const SampleMean& backprop, const SampleMean& es, std::span<float> gradient) const {
    const double of_backprop = backprop.variance_of_mean(config_.pairs);
    const double of_es = es.variance_of_mean(config_.pairs);
    const double total = of_backprop + of_es;
    const double share = total == 0 ? 1.0 : of_es / total;  // of back-propagation
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      gradient[i] = static_cast<float>(share * backprop.mean(i, config_.pairs) +
                                       (1 - share) * es.mean(i, config_.pairs));
    }
  }

  EstimatorConfig config_;
};

}  // namespace

std::unique_ptr<GradientEstimator> make_mixed(const EstimatorConfig& config) {
  return std::make_unique<Mixed>(config);
}

}  // namespace metaplastic
