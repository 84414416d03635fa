// The truncation: gradient by central differences in double, memory that does not grow with K.
#include "meta/truncation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "meta/test_truncation.h"

namespace metaplastic {
namespace {

class TruncationOf : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Preset, TruncationOf, testing::Values("compact", "metz2019"),
                         [](const auto& test) { return std::string(test.param); });

void expect_central_differences(TruncationProblem& problem, double tolerance = 1e-6) {
  std::vector<double> state = problem.phi, theta_bar(problem.theta.size(), 0.0);
  RandomData data(7, problem.batch);
  data.use_grid(problem.grid);
  truncated_gradient(problem.layout, problem.theta.data(), problem.architecture, state,
                     problem.settings, data, problem.workspace, theta_bar.data());
  // Along random directions. Thousands of ReLUs leave a kink within reach of large spacings, and
  // rounding limits small ones to about 1e-16 / h, so the best of several is taken. Which one that
  // is depends on the last digits, thus on the kernels that OpenBLAS chose for the processor.
  for (std::uint32_t direction = 0; direction < 6; ++direction) {
    Random random(9, Purpose::kTest, direction);
    std::vector<double> along(problem.theta.size());
    double expected = 0;
    for (std::size_t i = 0; i < along.size(); ++i) {
      along[i] = random.normal() / std::sqrt(double(along.size()));
      expected += along[i] * theta_bar[i];
    }
    double best = 1;
    for (const double h : {1e-3, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 1e-7}) {
      const auto at = [&](double shift) {
        std::vector<double> moved = problem.theta;
        for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += shift * along[i];
        return problem.loss(moved);
      };
      const double found = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
      best = std::min(best, std::abs(found - expected) / std::abs(expected));
    }
    EXPECT_LT(best, tolerance) << "direction " << direction;
  }
}

TEST_P(TruncationOf, MetaGradientEqualsCentralDifferences) {
  TruncationProblem problem(GetParam());
  expect_central_differences(problem);
}

// A conv layer: batches are windows, probes are pooled over places.
TEST_P(TruncationOf, MetaGradientOfAConvLayerEqualsCentralDifferences) {
  for (const bool joint : {false, true}) {
    TruncationProblem problem(GetParam());
    problem.architecture.widths = {7, 5};
    problem.phi = make_phi<double>(problem.architecture, {}, Random(1, Purpose::kPhiInit));
    // Roots bend sharply near 0: answers that stay away from it, and wider bounds.
    problem.architecture.activation = Unary::kSoftplus;
    problem.grid = {2, 4, 1, 3};
    problem.settings.joint_norm = joint;
    expect_central_differences(problem, 5e-6);
  }
}

TEST_P(TruncationOf, MetaGradientOfEveryLayerEqualsCentralDifferences) {
  TruncationProblem problem(GetParam());
  problem.settings.judged_layers = JudgedLayers::kAll;
  expect_central_differences(problem);
}

TEST_P(TruncationOf, MetaGradientOfTheBestLayerByCrossEntropyEqualsCentralDifferences) {
  TruncationProblem problem(GetParam());
  problem.settings.judged_layers = JudgedLayers::kBest;
  problem.settings.loss = ProbeLoss::kCrossEntropy;
  problem.settings.joint_norm = true;
  expect_central_differences(problem);
}

TEST_P(TruncationOf, MetaGradientOfSeveralPenaltiesEqualsCentralDifferences) {
  TruncationProblem problem(GetParam());
  problem.settings.judged_layers = JudgedLayers::kBest;
  problem.settings.loss = ProbeLoss::kCrossEntropy;
  problem.settings.further_lambdas = {1.0, 20.0};
  problem.architecture.activation = Unary::kSoftplus;  // fewer kinks
  expect_central_differences(problem);
}

TEST_P(TruncationOf, MetaGradientOfJointReadoutEqualsCentralDifferences) {
  for (const bool joint_norm : {false, true}) {
    TruncationProblem problem(GetParam());
    problem.settings.judged_layers = JudgedLayers::kBest;
    problem.settings.loss = ProbeLoss::kCrossEntropy;
    problem.settings.joint_norm = joint_norm;
    problem.settings.joint_readout = true;
    expect_central_differences(problem);
  }
}

TEST(TruncationTest, GradientByTheInputsBesideFeaturesEqualsCentralDifferences) {
  TruncationProblem problem;
  problem.settings.judged_layers = JudgedLayers::kBest;
  problem.settings.joint_readout = true;
  problem.settings.inputs = 1.7;
  const double plain = problem.loss(problem.theta);
  EXPECT_EQ(problem.workspace.inputs_bar, 0) << "not wanted";
  problem.settings.step_gradient = true;
  EXPECT_NEAR(problem.loss(problem.theta), plain, 1e-12);
  const double bar = problem.workspace.inputs_bar;
  constexpr double h = 1e-6;
  const auto loss_at = [&](double inputs) {
    problem.settings.inputs = inputs;
    return problem.loss(problem.theta);
  };
  EXPECT_NEAR(bar / ((loss_at(1.7 + h) - loss_at(1.7 - h)) / (2 * h)), 1, 1e-5);
}

TEST_P(TruncationOf, MetaGradientOfMeansEqualsCentralDifferences) {
  TruncationProblem problem(GetParam());
  problem.settings.mean_share = 0.5;
  expect_central_differences(problem);
  std::vector<double> state = problem.phi;
  RandomData data(7, 9);
  EXPECT_EQ(truncated_loss(problem.layout, problem.theta.data(), problem.architecture, state,
                           problem.settings, data, problem.workspace.tape)
                .meta_loss,
            problem.loss(problem.theta));
}

TEST_P(TruncationOf, MetaGradientOfTheBestStopEqualsCentralDifferences) {
  for (const double mean_share : {0.0, 0.5}) {
    TruncationProblem problem(GetParam());
    problem.settings.stops = {1, 2, 4};
    problem.settings.mean_share = mean_share;
    problem.settings.judged_layers = JudgedLayers::kBest;
    problem.settings.loss = ProbeLoss::kCrossEntropy;
    problem.settings.joint_norm = true;
    problem.architecture.activation = Unary::kSoftplus;  // fewer kinks
    expect_central_differences(problem);
    std::vector<double> state = problem.phi;
    RandomData data(7, 9);
    const TruncationResult found =
        truncated_loss(problem.layout, problem.theta.data(), problem.architecture, state,
                       problem.settings, data, problem.workspace.tape);
    EXPECT_EQ(found.num_judged, 3);
    EXPECT_EQ(found.meta_loss, problem.loss(problem.theta));
  }
}

TEST(TruncationTest, OneStopIsTheLastState) {
  TruncationProblem problem;
  problem.settings.objective_every = problem.settings.K;
  const double last = problem.loss(problem.theta);
  problem.settings.stops = {problem.settings.K};
  EXPECT_EQ(problem.loss(problem.theta), last);
}

TEST(TruncationTest, ALargeAdjointEndsTheSweep) {
  TruncationProblem problem;
  const auto run = [&](double largest, std::vector<double>& theta_bar) {
    problem.settings.largest_bar = largest;
    theta_bar.assign(problem.theta.size(), 0.0);
    std::vector<double> state = problem.phi;
    RandomData data(7, 9);
    return truncated_gradient(problem.layout, problem.theta.data(), problem.architecture, state,
                              problem.settings, data, problem.workspace, theta_bar.data());
  };
  std::vector<double> whole, bounded, cut;
  EXPECT_TRUE(run(0, whole).tame);
  double largest = 0;
  for (const double value : problem.workspace.phi_bar) largest += value * value;
  largest = std::sqrt(largest);  // after the whole sweep; above what it is after a part of it
  EXPECT_TRUE(run(100 * largest, bounded).tame);
  EXPECT_EQ(whole, bounded);
  const TruncationResult result = run(0.01 * largest, cut);
  EXPECT_FALSE(result.tame);
  EXPECT_TRUE(result.finite);
}

// Step size, pace of biases, growth of columns and share of homeostasis.
void expect_step_gradient(TruncationProblem& problem) {
  problem.settings.step_gradient = true;
  problem.settings.inner_lr = 0.1;
  problem.settings.bias_pace = 0.08;
  problem.settings.keep = 0.3;
  const auto run = [&](const TruncationSettings<double>& settings, double share) {
    std::vector<double> state = problem.phi, unused(problem.theta.size());
    RandomData data(7, problem.batch, share);
    data.use_grid(problem.grid);
    return truncated_gradient(problem.layout, problem.theta.data(), problem.architecture, state,
                              settings, data, problem.workspace, unused.data())
        .meta_loss;
  };
  constexpr double share = 0.8, h = 1e-6;
  run(problem.settings, share);
  const StepBar<double> bar = problem.workspace.step_bar;
  const auto slope = [&](double TruncationSettings<double>::*member) {
    TruncationSettings<double> more = problem.settings, less = problem.settings;
    more.*member += h, less.*member -= h;
    return (run(more, share) - run(less, share)) / (2 * h);
  };
  const double by_share =
      (run(problem.settings, share + h) - run(problem.settings, share - h)) / (2 * h);
  EXPECT_NEAR(bar.inner_lr / slope(&TruncationSettings<double>::inner_lr), 1, 1e-5);
  EXPECT_NEAR(bar.bias_pace / slope(&TruncationSettings<double>::bias_pace), 1, 1e-5);
  EXPECT_NEAR(bar.keep / slope(&TruncationSettings<double>::keep), 1, 1e-5);
  EXPECT_NEAR(bar.homeostatic_share / by_share, 1, 1e-5);
}

TEST(TruncationTest, StepGradientEqualsCentralDifferences) {
  TruncationProblem problem;
  RuleSizes sizes = problem.layout.sizes();
  sizes.bias_mean = "homeostatic";
  problem.layout = ThetaLayout(sizes);
  expect_step_gradient(problem);
}

// As learned-terms-conv.toml trains conv layers: terms of second views alone, pooled over places.
TEST(TruncationTest, GradientsOfAConvLayerWithSecondViewsEqualCentralDifferences) {
  TruncationProblem problem;
  RuleSizes sizes = problem.layout.sizes();
  sizes.bias_mean = "homeostatic";
  sizes.views = "neighbours";
  sizes.network = "none";
  problem.layout = ThetaLayout(sizes);
  problem.theta.resize(static_cast<std::size_t>(problem.layout.size()));
  problem.batch = 10;
  problem.architecture.widths = {7, 5};
  problem.architecture.activation = Unary::kSoftplus;
  problem.phi = make_phi<double>(problem.architecture, {}, Random(1, Purpose::kPhiInit));
  problem.grid = {2, 4, 1, 3};
  problem.settings.judged_layers = JudgedLayers::kBest;
  problem.settings.loss = ProbeLoss::kCrossEntropy;
  problem.settings.joint_norm = true;
  problem.settings.inner_lr = 0.1;
  expect_central_differences(problem, 5e-6);
  expect_step_gradient(problem);
}

TEST_P(TruncationOf, LossWithoutAGradientIsTheSame) {
  TruncationProblem problem(GetParam());
  for (const int every : {1, 2, 3}) {
    problem.settings.objective_every = every;
    problem.settings.judged_layers = every == 3 ? JudgedLayers::kAll : JudgedLayers::kTop;
    std::vector<double> state = problem.phi, expected_state = problem.phi;
    std::vector<double> unused(problem.theta.size());
    RandomData data(7, 9);
    const TruncationResult expected = truncated_gradient(
        problem.layout, problem.theta.data(), problem.architecture, expected_state,
        problem.settings, data, problem.workspace, unused.data());
    const TruncationResult found =
        truncated_loss(problem.layout, problem.theta.data(), problem.architecture, state,
                       problem.settings, data, problem.workspace.tape);
    EXPECT_NEAR(found.meta_loss, expected.meta_loss, 1e-14);  // a mean of 4 in another order
    EXPECT_NEAR(found.accuracy, expected.accuracy, 1e-14);
    EXPECT_EQ(found.num_judged, expected.num_judged);
    EXPECT_EQ(state, expected_state);
  }
}

TEST_P(TruncationOf, TapeMemoryDoesNotGrowWithK) {
  TruncationProblem problem(GetParam());
  const auto peak = [&](int K) {
    TruncationWorkspace<double> workspace;
    problem.settings.K = K;
    std::vector<double> state = problem.phi, theta_bar(problem.theta.size(), 0.0);
    RandomData data(7, 9);
    truncated_gradient(problem.layout, problem.theta.data(), problem.architecture, state,
                       problem.settings, data, workspace, theta_bar.data());
    EXPECT_EQ(workspace.states.size(), static_cast<std::size_t>(K + 1) * problem.phi.size());
    return std::pair(workspace.tape.arena().peak_bytes(), workspace.kept.arena().peak_bytes());
  };
  problem.settings.kept_bytes = 0;
  EXPECT_EQ(peak(4), peak(256));
  problem.settings.kept_bytes = std::size_t{1} << 20;
  EXPECT_EQ(peak(64), peak(256));
  EXPECT_GT(peak(64).second, problem.settings.kept_bytes / 2);
}

// Steps that stay on the tape, and steps that are computed again.
TEST_P(TruncationOf, KeptStepsChangeNoBit) {
  TruncationProblem problem(GetParam());
  problem.settings.K = 6;
  problem.settings.step_gradient = true;
  struct Found {
    std::vector<double> state, theta_bar, phi_bar;
    StepBar<double> step_bar;
    std::size_t kept_peak;
  };
  const auto run = [&](std::size_t kept_bytes) {
    TruncationWorkspace<double> workspace;
    problem.settings.kept_bytes = kept_bytes;
    Found found{problem.phi, std::vector<double>(problem.theta.size()), {}, {}, 0};
    RandomData data(7, 9);
    truncated_gradient(problem.layout, problem.theta.data(), problem.architecture, found.state,
                       problem.settings, data, workspace, found.theta_bar.data());
    found.phi_bar = workspace.phi_bar, found.step_bar = workspace.step_bar;
    found.kept_peak = workspace.kept.arena().peak_bytes();
    return found;
  };
  const Found none = run(0), all = run(std::size_t{1} << 30);
  const Found some = run(all.kept_peak / 2);
  EXPECT_LT(none.kept_peak, some.kept_peak);
  EXPECT_LT(some.kept_peak, all.kept_peak);
  for (const Found& found : {all, some}) {
    EXPECT_EQ(found.state, none.state);
    EXPECT_EQ(found.theta_bar, none.theta_bar);
    EXPECT_EQ(found.phi_bar, none.phi_bar);
    EXPECT_EQ(found.step_bar.inner_lr, none.step_bar.inner_lr);
    EXPECT_EQ(found.step_bar.homeostatic_share, none.step_bar.homeostatic_share);
  }
}

// The mean over the layers, where each layer is the top of a base model that ends there.
TEST(TruncationTest, EveryLayerCountsAlike) {
  TruncationProblem problem;
  RandomData data(7, 9);
  const auto loss = [&](const Architecture& architecture, JudgedLayers judged) {
    problem.settings.judged_layers = judged;
    return judge(architecture, problem.phi.data(), data.probe(0), problem.settings,
                 problem.workspace.tape)
        .meta_loss;
  };
  Architecture lower = problem.architecture;
  lower.widths.pop_back();
  const double bottom = loss(lower, JudgedLayers::kTop);
  const double top = loss(problem.architecture, JudgedLayers::kTop);
  EXPECT_GT(std::abs(bottom - top), 1e-3);
  EXPECT_NEAR(loss(problem.architecture, JudgedLayers::kAll), (bottom + top) / 2, 1e-14);
  const double t = kLayerTemperature;
  EXPECT_NEAR(loss(problem.architecture, JudgedLayers::kBest),
              -t * std::log((std::exp(-bottom / t) + std::exp(-top / t)) / 2), 1e-14);
}

TEST(TruncationTest, TruncationsInARowEqualOneUnroll) {
  TruncationProblem problem;
  std::vector<double> whole = problem.phi, parts = problem.phi, unused(problem.theta.size());
  RandomData data(7, 9);
  unroll(problem.layout, problem.theta.data(), problem.architecture, whole, 4, problem.settings,
         data, problem.workspace.tape);
  truncated_gradient(problem.layout, problem.theta.data(), problem.architecture, parts,
                     problem.settings, data, problem.workspace, unused.data());
  EXPECT_EQ(whole, parts);
}

}  // namespace
}  // namespace metaplastic
