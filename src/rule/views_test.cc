// Two views of every example: the batch that shows them, the signals, and what the rule makes of
// them.
#include "neighbours/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "neighbours/constants.h"
#include "neighbours/test_pool.h"
#include "rule/classical.h"
#include "rule/terms.h"
#include "rule/test_step.h"
#include "rule/view_signals.h"

namespace metaplastic {
namespace {

constexpr int kInputs = 12, kPairs = 40;

RuleSizes two_views() {
  RuleSizes sizes;
  sizes.C = 5, sizes.D = 3, sizes.G = 2;
  sizes.views = "two";
  return sizes;
}

// Three causes behind twelve inputs, [U,B].
std::vector<float> low_rank_batch(std::uint32_t step) {
  std::vector<float> loadings, batch(kInputs * kPairs);
  Random fixed = test_random(1000), random = test_random(step);
  for (int i = 0; i < kInputs * 3; ++i) loadings.push_back(fixed.normal());
  for (std::size_t b = 0; b < kPairs; ++b) {
    const float causes[] = {random.normal(), random.normal(), random.normal()};
    for (std::size_t u = 0; u < kInputs; ++u)
      for (std::size_t c = 0; c < 3; ++c) batch[u * kPairs + b] += loadings[u * 3 + c] * causes[c];
  }
  return batch;
}

TEST(SecondViews, KeepTheExamplesAndAddNoiseOfTheStatedSize) {
  std::vector<float> batch(20 * 500), views(2 * batch.size()), again(views.size());
  Random random = test_random(1);
  for (float& x : batch) x = 3 + 2 * random.normal();
  add_second_views(batch, {}, {}, 20, test_random(2), views);
  double square = 0;
  for (std::size_t u = 0; u < 20; ++u)
    for (std::size_t b = 0; b < 500; ++b) {
      EXPECT_EQ(views[u * 1000 + b], batch[u * 500 + b]);
      square += std::pow(double(views[u * 1000 + 500 + b] - batch[u * 500 + b]), 2) / 10000;
    }
  EXPECT_NEAR(std::sqrt(square), 2 * kNeighbourhood.view_noise, 0.1);
  add_second_views(batch, {}, {}, 20, test_random(2), again);
  EXPECT_EQ(again, views);
  add_second_views(batch, {}, {}, 20, test_random(3), again);
  EXPECT_NE(again, views);
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

std::vector<double> column(const std::vector<float>& x, std::size_t i, std::size_t num_columns) {
  std::vector<double> result;
  for (std::size_t u = 0; u < kU; ++u) result.push_back(double(x[u * num_columns + i]));
  return result;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t u = 0; u < kU; ++u) sum += std::pow(a[u] - b[u], 2);
  return sum;
}

// The second view is an example of the pool plus noise of the stated size.
TEST(SecondViews, ShowAnExampleOfThePool) {
  std::vector<float> batch(kU * kB), pool(kU * kP), views(2 * batch.size());
  Random random = test_random(11);
  for (float& x : batch) x = random.normal();
  for (float& x : pool) x = 1000 * random.normal();  // far apart beside the noise
  add_second_views(batch, pool_of(pool, kU), {}, kU, test_random(12), views);
  double variance = 0, square = 0;
  for (std::size_t u = 0; u < kU; ++u) {
    const std::vector<double> inputs(&batch[u * kB], &batch[u * kB] + kB);
    for (const double x : inputs) variance += std::pow(x - mean_of(inputs), 2) / (kU * kB);
  }
  for (std::size_t b = 0; b < kB; ++b) {
    const std::vector<double> view = column(views, kB + b, 2 * kB);
    EXPECT_EQ(column(views, b, 2 * kB), column(batch, b, kB));
    double least = 1e9;
    for (std::size_t p = 0; p < kP; ++p)
      least = std::min(least, distance(view, column(pool, p, kP)));
    square += least / (kU * kB);
  }
  EXPECT_NEAR(std::sqrt(square / variance), kNeighbourhood.noise, 0.1);
}

TEST(SecondViews, WithoutAnyOtherExampleAreNoisyCopies) {
  const std::vector<float> batch = {1, 1, 2, 2, 3, 3}, pool = {1, 2, 3};  // two equal columns
  std::vector<float> views(12);
  add_second_views(batch, pool_of(pool, 3), {}, 3, test_random(13), views);
  // Equal rows have no variance, so no noise either.
  EXPECT_THAT(views, testing::ElementsAre(1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3));
}

TEST(ViewSignals, EqualViewsHoldNoSurpriseAndUnrelatedOnesAllOfIt) {
  Tape<double> tape;
  tape.reset(false);
  Random random = test_random(4);
  const int B = 400;
  std::vector<double> x(2 * B);
  for (double& value : x) value = double(random.normal());
  for (std::size_t b = 0; b < B / 2; ++b) x[B / 2 + b] = x[b];  // unit 0 alone
  const Var<double> s = standardise(tape, tape.constant(x.data(), 2, 1, B), 1e-9);
  const ViewSignals<double> signals = view_signals(tape, s, OtherUnits::kPartner);
  double first = 0, second = 0;
  for (int b = 0; b < B; ++b) {
    first += std::pow(signals.surprise.data[b], 2) / B;
    second += std::pow(signals.surprise.data[B + b], 2) / B;
  }
  EXPECT_NEAR(first, 0, 1e-12);
  EXPECT_NEAR(second, 1, 0.05);
}

// Three units over unrelated views: what the partner's others have in common is chance, what the
// own others have is not.
TEST(ViewSignals, SharedIsAboutTheOtherUnitsThatAreAskedFor) {
  Tape<double> tape;
  tape.reset(false);
  Random random = test_random(6);
  constexpr int kUnits = 3, B = 4000;
  std::vector<double> x(kUnits * B);
  for (int b = 0; b < B; ++b) {
    const double cause = double(random.normal());
    for (int u = 0; u < kUnits; ++u)
      x[std::size_t(u * B + b)] = cause + 0.5 * double(random.normal());
  }
  const Var<double> s = standardise(tape, tape.constant(x.data(), kUnits, 1, B), 1e-9);
  const auto size_of_shared = [&](OtherUnits others) {
    const Var<double> shared = view_signals(tape, s, others).shared;
    double square = 0;
    for (int i = 0; i < kUnits * B; ++i) square += std::pow(shared.data[i], 2) / (kUnits * B);
    return std::sqrt(square);
  };
  EXPECT_LT(size_of_shared(OtherUnits::kPartner), 0.1);
  // corr 0.8 between units: 0.8 / sqrt(3) of the two others, each with 0.6 that is not the unit's.
  EXPECT_NEAR(size_of_shared(OtherUnits::kOwn),
              0.8 / std::sqrt(3.0) * std::sqrt(2 * 0.36 + 2 * 0.16), 0.05);
}

// Against the formula, on either side of where a layer is wide.
TEST(ViewSignals, OfAWideLayerAreTheSame) {
  constexpr std::size_t kExamples = 4;
  for (const OtherUnits others : {OtherUnits::kOwn, OtherUnits::kPartner}) {
    for (const std::size_t U : {8 * kExamples, 8 * kExamples + 1}) {
      Tape<double> tape;
      tape.reset(false);
      Random random = test_random(8);
      std::vector<double> x(U * kExamples);
      for (double& value : x) value = double(random.normal());
      const auto rows = static_cast<Eigen::Index>(U);
      using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
      const Eigen::MatrixXd s = Eigen::Map<const Rows>(x.data(), rows, kExamples);
      Eigen::MatrixXd seen = s;
      if (others == OtherUnits::kPartner) seen << s.rightCols(2), s.leftCols(2);
      Eigen::MatrixXd corr = s.lazyProduct(seen.transpose()) / double(kExamples);
      corr.diagonal().setZero();
      const Eigen::MatrixXd common = corr.lazyProduct(seen) / std::sqrt(double(U));
      const Eigen::VectorXd own = common.cwiseProduct(s).rowwise().mean();
      const Eigen::MatrixXd expected = common - own.asDiagonal() * s;
      const Var<double> at = tape.constant(x.data(), int(U), 1, int(kExamples));
      const Var<double> shared = view_signals(tape, at, others).shared;
      EXPECT_LT((Eigen::Map<const Rows>(shared.data, rows, kExamples) - expected).norm(),
                1e-12 * expected.norm());
    }
  }
}

TEST(SeparateShare, FallsSlowlyBeyond128Units) {
  EXPECT_EQ(separate_share(5), 1);
  EXPECT_EQ(separate_share(128), 1);
  EXPECT_NEAR(separate_share(16 * 128), 0.5, 1e-12);
}

// Mean over a layer's units of the correlation between the two views, and the root mean square of
// that between different units.
struct Agreement {
  double own = 0, others = 0;
};
Agreement agreement(const Architecture& architecture, const std::vector<float>& phi) {
  Tape<float> tape;
  tape.reset(false);
  std::vector<float> views(2 * kInputs * kPairs);
  add_second_views(low_rank_batch(5000), {}, {}, kInputs, test_random(5001), views);
  const Var<float> x = tape.constant(views.data(), kInputs, 1, 2 * kPairs);
  const Activations<float> act =
      forward(tape, phi_leaves(tape, architecture, phi.data()), architecture.activation, x, 2);
  const Var<float> s = standardise(tape, act.x[1], 1e-5f, 2);
  const Var<float> corr =
      matmul(tape, s, false, swap_halves(tape, s), true, 1.0f / float(2 * kPairs));
  Agreement found;
  const int U = corr.rows();
  for (int i = 0; i < U; ++i)
    for (int j = 0; j < U; ++j) {
      const double c = double(corr.data[i * U + j]);
      if (i == j)
        found.own += c / U;
      else
        found.others += c * c / (U * (U - 1));
    }
  found.others = std::sqrt(found.others);
  return found;
}

TEST(AgreeRule, MakesUnitsAgreeWithTheirOtherViewAndDifferFromOneAnother) {
  const RuleSizes sizes = two_views();
  const Rule rule = make_classical_rule("agree", sizes, 1);
  const ThetaLayout layout(sizes);
  Architecture architecture;
  architecture.widths = {kInputs, 4};
  architecture.activation = Unary::kTanh;
  std::vector<float> phi = make_phi<float>(architecture, {}, Random(1, Purpose::kPhiInit));
  const Agreement before = agreement(architecture, phi);
  std::vector<float> views(2 * kInputs * kPairs);
  for (std::uint32_t step = 0; step < 100; ++step) {
    add_second_views(low_rank_batch(step), {}, {}, kInputs, test_random(10000 + step), views);
    phi = phi_after_step(layout, rule.theta, architecture, phi, views, 0.05f);
  }
  const Agreement after = agreement(architecture, phi);
  EXPECT_GT(after.own, before.own + 0.1);
  EXPECT_LT(after.others, 0.9 * after.own);
}

TEST(AgreeRule, NeedsTwoViewsAndCompact) {
  RuleSizes sizes = two_views();
  const auto line = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  sizes.views = "one";
  EXPECT_THAT(line([&] { make_classical_rule("agree", sizes, 1); }),
              testing::HasSubstr("expected views 'two'"));
  sizes.views = "two", sizes.locality = "neuron";
  EXPECT_THAT(line([&] { sizes.validate("config"); }),
              testing::HasSubstr("config: expected rule.views 'one'"));
  sizes.locality = "layer";
  EXPECT_NO_THROW(sizes.validate("config"));
}

// What the grown rule adds to a share of the old mix is agree's, and the hidden network is the
// same.
TEST(WithViews, KeepsTheRuleAndAddsAgree) {
  RuleSizes sizes = two_views();
  sizes.views = "one";
  Rule rule;
  rule.sizes = sizes;
  rule.theta = random_theta(ThetaLayout(sizes), 3);
  const Rule grown = with_views(rule, "two", 0.25f);
  const ThetaLayout from(sizes), to(grown.sizes);
  ASSERT_EQ(std::int64_t(grown.theta.size()), to.size());
  const auto value = [](const Rule& of, const ThetaLayout& layout, ThetaName name, int i) {
    return of.theta[std::size_t(layout[name].offset + i)];
  };
  const auto mix = [&](const Rule& of, const ThetaLayout& layout, std::string_view term) {
    return value(of, layout, ThetaName::kMix, layout.term_index(term));
  };
  for (const std::string_view term : term_names(from))
    EXPECT_EQ(mix(grown, to, term), 0.25f * mix(rule, from, term));
  EXPECT_EQ(mix(grown, to, "agree"), 0.7f);
  EXPECT_EQ(mix(grown, to, "separate"), 0.5f);
  const int old_size = int(from[ThetaName::kHiddenIn].size());
  for (int i = 0; i < int(to[ThetaName::kHiddenIn].size()); ++i) {
    EXPECT_EQ(value(grown, to, ThetaName::kHiddenIn, i),
              i < old_size ? value(rule, from, ThetaName::kHiddenIn, i) : 0);
  }
  for (int i = 0; i < int(to[ThetaName::kReadout].size()); ++i) {
    EXPECT_EQ(value(grown, to, ThetaName::kReadout, i), value(rule, from, ThetaName::kReadout, i));
  }
  const Rule moved = with_views(grown, "neighbours", 0.5f);
  EXPECT_EQ(moved.sizes.views, "neighbours");
  for (const std::string_view term : term_names(from))
    EXPECT_EQ(mix(moved, to, term), 0.125f * mix(rule, from, term));
  EXPECT_EQ(mix(moved, to, "agree"), 0.7f);
  EXPECT_EQ(value(moved, to, ThetaName::kReadout, 3), value(grown, to, ThetaName::kReadout, 3));
}

}  // namespace
}  // namespace metaplastic
