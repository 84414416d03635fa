// Two views of every example: the batch that shows them, the signals, and what the rule makes of
// them.
#include "rule/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "rule/classical.h"
#include "rule/constants.h"
#include "rule/inner_step.h"

namespace metaplastic {
namespace {

constexpr int kInputs = 12, kPairs = 40;

RuleSizes two_views() {
  RuleSizes sizes;
  sizes.C = 5, sizes.D = 3, sizes.G = 2;
  sizes.views = "two";
  return sizes;
}

Random test_random(std::uint32_t step) { return {1, Purpose::kTest, 7, step}; }

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
  add_second_views(batch, {}, 20, test_random(2), views);
  double square = 0;
  for (std::size_t u = 0; u < 20; ++u)
    for (std::size_t b = 0; b < 500; ++b) {
      EXPECT_EQ(views[u * 1000 + b], batch[u * 500 + b]);
      square += std::pow(double(views[u * 1000 + 500 + b] - batch[u * 500 + b]), 2) / 10000;
    }
  EXPECT_NEAR(std::sqrt(square), 2 * kRule.view_noise, 0.1);
  add_second_views(batch, {}, 20, test_random(2), again);
  EXPECT_EQ(again, views);
  add_second_views(batch, {}, 20, test_random(3), again);
  EXPECT_NE(again, views);
}

constexpr std::size_t kU = 9, kB = 6, kP = 50;

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

double one_less_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t u = 0; u < kU; ++u) {
    const double from_a = a[u] - mean_of(a), from_b = b[u] - mean_of(b);
    ab += from_a * from_b, aa += from_a * from_a, bb += from_b * from_b;
  }
  return 1 - ab / std::sqrt(aa * bb);
}

// By brute force in double: the neighbour_choices nearest examples of the pool that differ.
template <class Distance>
std::vector<std::size_t> nearest_others(const std::vector<double>& example,
                                        const std::vector<float>& pool,
                                        const Distance& distance_of) {
  std::vector<std::pair<double, std::size_t>> found;
  for (std::size_t p = 0; p < kP; ++p) {
    const std::vector<double> other = column(pool, p, kP);
    if (other != example) found.emplace_back(distance_of(example, other), p);
  }
  std::ranges::sort(found);
  std::vector<std::size_t> nearest;
  for (int i = 0; i < kRule.neighbour_choices; ++i)
    nearest.push_back(found[static_cast<std::size_t>(i)].second);
  return nearest;
}

// Where a walk of so many hops in the mean ends, as chances [kP]: its Markov chain, hop by hop.
template <class Distance>
std::vector<double> chances_of_ends(const std::vector<double>& example,
                                    const std::vector<float>& pool, const Distance& distance_of,
                                    int hops) {
  const double stop = 1.0 / hops, even = 1.0 / kRule.neighbour_choices;
  std::vector<std::vector<std::size_t>> next;
  for (std::size_t p = 0; p < kP; ++p)
    next.push_back(nearest_others(column(pool, p, kP), pool, distance_of));
  std::vector<double> at(kP), ends(kP);
  for (const std::size_t p : nearest_others(example, pool, distance_of)) at[p] += even;
  for (int hop = 1; hop < 400; ++hop) {
    std::vector<double> moved(kP);
    for (std::size_t p = 0; p < kP; ++p) {
      ends[p] += stop * at[p];
      for (const std::size_t q : next[p]) moved[q] += (1 - stop) * even * at[p];
    }
    at = moved;
  }
  return ends;
}

// Ends of many walks are spread as the chain says.
template <class Distance>
void expect_walks(const std::vector<float>& batch, std::vector<float> pool,
                  const Distance& distance_of, int hops) {
  for (std::size_t u = 0; u < kU; ++u) pool[u * kP + 7] = batch[u * kB + 2];  // an equal one
  const NeighbourPool neighbours(pool, kU);
  Random random = test_random(12);
  constexpr int kWalks = 4000;
  std::vector<std::vector<double>> shares(kB, std::vector<double>(kP + 1));
  for (int n = 0; n < kWalks; ++n) {
    const std::vector<std::size_t> ends = neighbours.walk(batch, random);
    ASSERT_EQ(ends.size(), kB);
    for (std::size_t b = 0; b < kB; ++b) shares[b][ends[b]] += 1.0 / kWalks;
  }
  for (std::size_t b = 0; b < kB; ++b) {
    const std::vector<double> chances =
        chances_of_ends(column(batch, b, kB), pool, distance_of, hops);
    EXPECT_NEAR(std::accumulate(chances.begin(), chances.end(), 0.0), 1, 1e-6);
    for (std::size_t p = 0; p < kP; ++p) {
      const double error = std::sqrt(chances[p] * (1 - chances[p]) / kWalks);
      EXPECT_NEAR(shares[b][p], chances[p], 5 * error) << "from " << b << " to " << p;
    }
  }
}

TEST(NeighbourPool, LeadsToTheNearestOtherExamples) {
  std::vector<float> batch(kU * kB), pool(kU * kP);
  Random random = test_random(11);
  for (float& x : batch) x = random.normal();
  for (float& x : pool) x = random.normal();
  expect_walks(batch, pool, distance, 1);
}

// Examples of unlike brightness and contrast, so that the nearest ones are others.
TEST(NeighbourPool, WalksOverTheMostCorrelatedOnesWhereNoInputIsNegative) {
  std::vector<float> batch(kU * kB), pool(kU * kP);
  Random random = test_random(11);
  const auto fill = [&](std::vector<float>& x, std::size_t num_columns) {
    for (std::size_t i = 0; i < num_columns; ++i) {
      const float least = random.uniform(), span = 0.1f + random.uniform();
      for (std::size_t u = 0; u < kU; ++u) x[u * num_columns + i] = least + span * random.uniform();
    }
  };
  fill(batch, kB);
  fill(pool, kP);
  expect_walks(batch, pool, one_less_correlation, kRule.neighbour_hops);
}

TEST(NeighbourPool, RepeatsNeighboursWhereItHasFewOthers) {
  const std::vector<float> pool = {1, 2, 3, -1, -2, -3};  // three examples of two inputs
  const NeighbourPool neighbours(pool, 2);
  Random random = test_random(14);
  std::vector<int> counts(4);
  for (int n = 0; n < 300; ++n) ++counts[neighbours.walk(std::vector<float>{2, -2}, random)[0]];
  EXPECT_GT(counts[0], 100);
  EXPECT_EQ(counts[1], 0);  // equals what it starts from
  EXPECT_GT(counts[2], 60);
  EXPECT_EQ(counts[3], 0);
}

// The second view is an example of the pool plus noise of the stated size.
TEST(SecondViews, ShowAnExampleOfThePool) {
  std::vector<float> batch(kU * kB), pool(kU * kP), views(2 * batch.size());
  Random random = test_random(11);
  for (float& x : batch) x = random.normal();
  for (float& x : pool) x = 1000 * random.normal();  // far apart beside the noise
  add_second_views(batch, {pool, kU}, kU, test_random(12), views);
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
  EXPECT_NEAR(std::sqrt(square / variance), kRule.neighbour_noise, 0.1);
}

TEST(SecondViews, WithoutAnyOtherExampleAreNoisyCopies) {
  const std::vector<float> batch = {1, 1, 2, 2, 3, 3}, pool = {1, 2, 3};  // two equal columns
  std::vector<float> views(12);
  add_second_views(batch, {pool, 3}, 3, test_random(13), views);
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

// Mean over a layer's units of the correlation between the two views, and the root mean square of
// that between different units.
struct Agreement {
  double own = 0, others = 0;
};
Agreement agreement(const Architecture& architecture, const std::vector<float>& phi) {
  Tape<float> tape;
  tape.reset(false);
  std::vector<float> views(2 * kInputs * kPairs);
  add_second_views(low_rank_batch(5000), {}, kInputs, test_random(5001), views);
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
  Tape<float> tape;
  std::vector<float> views(2 * kInputs * kPairs);
  for (std::uint32_t step = 0; step < 100; ++step) {
    add_second_views(low_rank_batch(step), {}, kInputs, test_random(10000 + step), views);
    tape.reset(false);
    const PhiVars<float> next =
        inner_step(tape, theta_leaves(tape, layout, rule.theta.data()),
                   phi_leaves(tape, architecture, phi.data()), architecture.activation,
                   tape.constant(views.data(), kInputs, 1, 2 * kPairs), 0.05f);
    copy_phi(next, architecture, phi.data());
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
  for (int k = 0; k < kNumTerms; ++k)
    EXPECT_EQ(value(grown, to, ThetaName::kMix, k), 0.25f * value(rule, from, ThetaName::kMix, k));
  EXPECT_EQ(value(grown, to, ThetaName::kMix, kNumTerms), 0.7f);
  EXPECT_EQ(value(grown, to, ThetaName::kMix, kNumTerms + 1), 0.5f);
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
  for (int k = 0; k < kNumTerms; ++k)
    EXPECT_EQ(value(moved, to, ThetaName::kMix, k), 0.125f * value(rule, from, ThetaName::kMix, k));
  EXPECT_EQ(value(moved, to, ThetaName::kMix, kNumTerms), 0.7f);
  EXPECT_EQ(value(moved, to, ThetaName::kReadout, 3), value(grown, to, ThetaName::kReadout, 3));
}

}  // namespace
}  // namespace metaplastic
