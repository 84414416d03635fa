// All estimators on an inner problem whose meta-gradient is known in closed form: one conformance
// test for the interface, and the bias and variance of each.
//
//   meta_test --gtest_filter='*BiasAndVariance*'    prints the table of docs/estimators.md
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>

#include "meta/gradient_estimator.h"

namespace metaplastic {
namespace {

constexpr std::size_t kP = 3, kN = 6;
constexpr int kT = 18, kK = 3;
using Theta = std::array<double, kP>;

// x <- A x + B theta, loss |x_0 - 1|^2 / 2 + |x_1 + 1|^2 / 2. A hands values down from component to
// component, so that theta works slowly and mostly after the truncation that it is judged in. The
// loss of a trajectory is quadratic in theta, so that smoothing leaves its gradient as it is.
// roughness adds a ripple to each loss that smoothing removes: its gradient is large and says
// nothing.
class LinearProblem : public InnerProblem {
 public:
  explicit LinearProblem(double roughness = 0) : roughness_(roughness) {}
  static std::vector<float> start() { return std::vector<float>(kN, 0.5f); }
  static std::vector<float> theta() { return {0.3f, -0.2f, 0.1f}; }

  std::uint64_t task_index() const override { return 4; }
  std::int64_t num_inner_steps() const override { return kT; }
  Window window(std::int64_t inner_step, std::int64_t truncation) const override {
    return {inner_step, truncation, kK};
  }
  void advance(const Window& window, std::span<const float> theta,
               std::vector<float>& phi) override {
    Sensitivity unused{};
    run(window, theta, phi, unused);
  }
  TruncationResult loss(const Window& window, std::span<const float> theta,
                        std::vector<float>& phi) override {
    Sensitivity unused{};
    return run(window, theta, phi, unused);
  }
  TruncationResult gradient(const Window& window, std::span<const float> theta,
                            std::vector<float>& phi, std::span<float> theta_bar) override {
    Sensitivity sensitivity{};
    bar_ = {};
    const TruncationResult result = run(window, theta, phi, sensitivity);
    for (std::size_t i = 0; i < kP; ++i) theta_bar[i] += static_cast<float>(bar_[i]);
    return result;
  }

  // d J / d theta of the whole trajectory, J the mean over its truncations; `carry` keeps the
  // influence of earlier truncations, without it this is what truncation leaves.
  Theta exact(bool carry) {
    std::vector<float> phi = start();
    Sensitivity sensitivity{};
    Theta sum{};
    for (int step = 0; step < kT; step += kK) {
      if (!carry) sensitivity = {};
      bar_ = {};
      run(window(step, step / kK), theta(), phi, sensitivity);
      for (std::size_t i = 0; i < kP; ++i) sum[i] += bar_[i] / (kT / kK);
    }
    return sum;
  }

 private:
  using Sensitivity = std::array<Theta, kN>;  // d x / d theta

  TruncationResult run(const Window& window, std::span<const float> theta, std::vector<float>& phi,
                       Sensitivity& sensitivity) {
    TruncationResult result;
    result.num_judged = window.K;
    for (int k = 0; k < window.K; ++k) {
      step(theta, phi, sensitivity);
      const double error0 = phi[0] - 1.0, error1 = phi[1] + 1.0;
      result.meta_loss += (error0 * error0 + error1 * error1) / 2 / window.K;
      for (std::size_t i = 0; i < kP; ++i) {
        bar_[i] += (error0 * sensitivity[0][i] + error1 * sensitivity[1][i]) / window.K;
      }
    }
    constexpr double kFrequency = 1000;
    const double at = kFrequency * (double{theta[0]} + theta[1] + theta[2]);
    result.meta_loss += roughness_ / kFrequency * std::sin(at);
    for (double& value : bar_) value += roughness_ * std::cos(at);
    result.finite = std::isfinite(result.meta_loss);
    return result;
  }

  static void step(std::span<const float> theta, std::vector<float>& phi, Sensitivity& s) {
    for (std::size_t n = 0; n < kN; ++n) {
      const bool last = n + 1 == kN;
      // The direct influence and the delayed one have different signs.
      const double direct = n < 2 ? 0.2 : -0.3;
      phi[n] = static_cast<float>(0.6 * phi[n] + (last ? 0.0 : 0.5 * phi[n + 1]) +
                                  direct * theta[n % kP]);
      for (std::size_t i = 0; i < kP; ++i) {
        s[n][i] = 0.6 * s[n][i] + (last ? 0.0 : 0.5 * s[n + 1][i]) + (n % kP == i ? direct : 0.0);
      }
    }
  }

  double roughness_;
  Theta bar_{};
};

const std::vector<std::string> kNames = {"backprop", "truncated-es", "full-es", "pes", "mixed"};

EstimatorConfig config_of(const std::string& name) {
  EstimatorConfig config;
  config.name = name;
  config.sigma = 0.05;
  config.pairs = 4;
  return config;
}

TrajectoryState fresh_state() {
  TrajectoryState state;
  state.phi = LinearProblem::start();
  return state;
}

std::vector<float> estimate(const EstimatorConfig& config, LinearProblem& problem,
                            std::uint64_t seed, TrajectoryState& state) {
  std::vector<float> gradient(kP, 1e9f);  // to be overwritten
  const TruncationResult result =
      make_estimator(config)->estimate(problem, LinearProblem::theta(), seed, state, gradient);
  EXPECT_TRUE(result.finite);
  EXPECT_GT(result.num_judged, 0);
  return gradient;
}

// The mean over the truncations of one trajectory.
Theta trajectory_estimate(const EstimatorConfig& config, LinearProblem& problem,
                          std::uint64_t seed) {
  TrajectoryState state = fresh_state();
  Theta sum{};
  int count = 0;
  for (; state.inner_step < kT; ++count) {
    const std::vector<float> gradient = estimate(config, problem, seed, state);
    for (std::size_t i = 0; i < kP; ++i) sum[i] += double{gradient[i]};
  }
  for (double& value : sum) value /= count;
  return sum;
}

struct Moments {
  Theta mean{}, error{};  // the error is the standard error of the mean
  double variance = 0;    // of one trajectory's estimate, summed over theta
};

Moments measure(const EstimatorConfig& config, LinearProblem& problem, int num_seeds) {
  Theta sum{}, square{};
  for (int seed = 0; seed < num_seeds; ++seed) {
    const Theta found = trajectory_estimate(config, problem, static_cast<std::uint64_t>(seed));
    for (std::size_t i = 0; i < kP; ++i) sum[i] += found[i], square[i] += found[i] * found[i];
  }
  Moments moments;
  for (std::size_t i = 0; i < kP; ++i) {
    moments.mean[i] = sum[i] / num_seeds;
    const double variance = std::max(0.0, square[i] - sum[i] * moments.mean[i]) / (num_seeds - 1);
    moments.error[i] = std::sqrt(variance / num_seeds);
    moments.variance += variance;
  }
  return moments;
}

double norm(const Theta& a) { return std::sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]); }
double distance(const Theta& a, const Theta& b) {
  return norm({a[0] - b[0], a[1] - b[1], a[2] - b[2]});
}

// Five standard errors per number (one in 600,000), and what single precision leaves.
void expect_unbiased(const Moments& found, const Theta& expected, const std::string& name) {
  for (std::size_t i = 0; i < kP; ++i) {
    EXPECT_NEAR(found.mean[i], expected[i], 5 * found.error[i] + 1e-5 * norm(expected)) << name;
  }
}

TEST(EstimatorTest, EachIsAPureFunctionThatMovesTheStateOn) {
  for (const std::string& name : kNames) {
    SCOPED_TRACE(name);
    const EstimatorConfig config = config_of(name);
    LinearProblem problem(20.0);  // smooth, mixed is back-propagation and no seed shows
    TrajectoryState one = fresh_state(), same = fresh_state(), other = fresh_state();
    EXPECT_EQ(estimate(config, problem, 1, one), estimate(config, problem, 1, same));
    EXPECT_EQ(one.inner_step, name == "full-es" ? kT : kK);
    EXPECT_EQ(one.truncation, name == "full-es" ? kT / kK : 1);
    EXPECT_EQ(one.phi, same.phi);
    EXPECT_EQ(one.particles, same.particles);
    const std::vector<float> unlike = estimate(config, problem, 2, other);
    same = fresh_state();
    EXPECT_EQ(unlike == estimate(config, problem, 1, same), name == "backprop");
    if (name == "full-es") continue;
    // A copy of the state goes on as the state itself, in another estimator object too.
    TrajectoryState copy = one;
    EXPECT_EQ(estimate(config, problem, 1, one), estimate(config, problem, 1, copy));
    EXPECT_EQ(one.perturbations, copy.perturbations);
    EXPECT_EQ(one.inner_step, 2 * kK);
    EXPECT_EQ(one.particles.size(), name == "pes" ? 2u * 4u : 0u);
  }
}

// The loss does not depend on theta: antithetic pairs cancel to the last bit.
class ConstantProblem : public LinearProblem {
 public:
  TruncationResult loss(const Window& window, std::span<const float> theta,
                        std::vector<float>& phi) override {
    TruncationResult result = LinearProblem::loss(window, theta, phi);
    result.meta_loss = 0.7;
    return result;
  }
  TruncationResult gradient(const Window& window, std::span<const float> theta,
                            std::vector<float>& phi, std::span<float>) override {
    return loss(window, theta, phi);
  }
};

TEST(EstimatorTest, AConstantLossHasNoGradient) {
  for (const std::string& name : kNames) {
    ConstantProblem problem;
    TrajectoryState state = fresh_state();
    while (state.inner_step < kT) {
      EXPECT_EQ(estimate(config_of(name), problem, 1, state), std::vector<float>(kP, 0.0f)) << name;
    }
  }
}

TEST(EstimatorTest, NonFiniteLossIsReported) {
  for (const std::string& name : kNames) {
    LinearProblem problem;
    TrajectoryState state = fresh_state();
    state.phi[0] = std::numeric_limits<float>::infinity();
    std::vector<float> gradient(kP);
    EXPECT_FALSE(make_estimator(config_of(name))
                     ->estimate(problem, LinearProblem::theta(), 1, state, gradient)
                     .finite)
        << name;
  }
}

TEST(EstimatorTest, NoiseIsNamedByTaskTruncationAndPair) {
  std::vector<float> first(1000), again(1000);
  draw_perturbation(1, 2, 3, 4, 0.5, first);
  draw_perturbation(1, 2, 3, 4, 0.5, again);
  EXPECT_EQ(first, again);
  double square = 0;
  for (const float value : first) square += double{value} * value;
  EXPECT_NEAR(std::sqrt(square / 1000), 0.5, 0.06);  // five times 0.5 / sqrt(2000)
  draw_perturbation(2, 2, 3, 4, 0.5, again);
  EXPECT_NE(first, again);
  draw_perturbation(1, 3, 3, 4, 0.5, again);
  EXPECT_NE(first, again);
  draw_perturbation(1, 2, 4, 4, 0.5, again);
  EXPECT_NE(first, again);
  draw_perturbation(1, 2, 3, 5, 0.5, again);
  EXPECT_NE(first, again);
}

TEST(EstimatorTest, BiasAndVarianceAreWhatTheoryPromises) {
  constexpr int kNumSeeds = 4000;
  LinearProblem problem;
  const Theta whole = problem.exact(true), truncated = problem.exact(false);
  // Otherwise nothing could tell the estimators apart.
  ASSERT_GT(distance(whole, truncated), 0.5 * norm(whole));
  std::printf("| estimator | bias | its standard error | deviation of one trajectory |\n");
  std::printf("|---|---|---|---|\n");
  std::map<std::string, Moments> found;
  for (const std::string& name : kNames) {
    const Moments& moments = found[name] = measure(config_of(name), problem, kNumSeeds);
    std::printf("| %s | %.3f | %.3f | %.2f |\n", name.c_str(),
                distance(moments.mean, whole) / norm(whole), norm(moments.error) / norm(whole),
                std::sqrt(moments.variance) / norm(whole));
  }
  expect_unbiased(found["pes"], whole, "pes");
  expect_unbiased(found["full-es"], whole, "full-es");
  expect_unbiased(found["backprop"], truncated, "backprop");
  expect_unbiased(found["truncated-es"], truncated, "truncated-es");
  expect_unbiased(found["mixed"], truncated, "mixed");
  // Bars tight enough that no estimator passes for another.
  for (const std::string& name : kNames) EXPECT_LT(norm(found[name].error), 0.05 * norm(whole));
  // Of a linear slope: E |eps eps^T g / sigma^2|^2 = (P + 2) |g|^2, a mean of `pairs`; the sampled
  // variance is within a few parts in a hundred.
  EXPECT_NEAR(found["full-es"].variance / std::pow(norm(whole), 2), (kP + 1) / 4.0, 0.1);
  EXPECT_LT(found["backprop"].variance, 1e-10);
  EXPECT_LT(found["mixed"].variance, 0.01 * found["truncated-es"].variance);
}

TEST(EstimatorTest, MixedTrustsEsWhereTheLossIsRough) {
  LinearProblem smooth, rough(20.0);
  const Theta expected = smooth.exact(false);
  EstimatorConfig config = config_of("mixed");
  config.pairs = 8;  // of fewer, too many small variances are small by chance
  const Moments mixed = measure(config, rough, 500);
  config.name = "truncated-es";
  const Moments es = measure(config, rough, 500);
  const Theta backprop = trajectory_estimate(config_of("backprop"), rough, 0);
  EXPECT_GT(distance(backprop, expected), 5 * norm(expected));
  EXPECT_LT(mixed.variance, 1.5 * es.variance);
  EXPECT_LT(distance(mixed.mean, expected), 0.3 * norm(expected));
}

}  // namespace
}  // namespace metaplastic
