#include "baselines/objectives.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/random.h"
#include "baselines/pair_objectives.h"

namespace metaplastic {
namespace {

using Values = std::vector<double>;
using Loss = std::function<double(Tape<double>&, const Var<double>&)>;

Values random_values(int count, std::uint32_t stream) {
  Random random(3, Purpose::kTest, 0, stream);
  Values values;
  for (int i = 0; i < count; ++i) values.push_back(static_cast<double>(random.normal()));
  return values;
}

// The bar that a loss sets, carried to the leaf, against central differences with step h: their
// error is h^2 times a third derivative of order one, 1e-8, plus rounding eps / h = 2e-12.
void check_gradient(int units, int examples, const Loss& loss) {
  constexpr double kStep = 1e-4, kTolerance = 1e-7;
  Values x = random_values(units * examples, 1);
  Tape<double> tape;
  const auto value = [&] {
    tape.reset(true);
    return loss(tape, tape.leaf(x.data(), units, 1, examples));
  };
  tape.reset(true);
  const Var<double> leaf = tape.leaf(x.data(), units, 1, examples);
  const double at_x = loss(tape, leaf);
  EXPECT_TRUE(std::isfinite(at_x));
  tape.backward();
  const Values bar(tape.bar(leaf), tape.bar(leaf) + leaf.size());
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double before = x[i];
    x[i] = before + kStep;
    const double above = value();
    x[i] = before - kStep;
    const double below = value();
    x[i] = before;
    EXPECT_NEAR(bar[i], (above - below) / (2 * kStep), kTolerance) << "value " << i;
    largest = std::max(largest, std::abs(bar[i]));
  }
  EXPECT_GT(largest, 1e-3);
}

TEST(Objectives, GradientsEqualDifferences) {
  const Values target = random_values(12, 2);
  Values share;
  for (const double value : target) share.push_back(1 / (1 + std::exp(-value)));
  check_gradient(4, 3, [&](Tape<double>& tape, const Var<double>& x) {
    return bernoulli_loss<double>(tape, x, share);
  });
  check_gradient(4, 3, [&](Tape<double>& tape, const Var<double>& x) {
    return squared_loss<double>(tape, x, target);
  });
  check_gradient(4, 3, [&](Tape<double>& tape, const Var<double>& x) {
    return pixel_loss<double>(tape, x, share, 0.7);
  });
  check_gradient(4, 3, [&](Tape<double>& tape, const Var<double>& x) {
    return divergence_loss(tape, x, map(tape, Unary::kSoftplus, x));
  });
  const std::vector<int> labels = {2, 0, 3};
  check_gradient(4, 3, [&](Tape<double>& tape, const Var<double>& x) {
    return cross_entropy_loss<double>(tape, x, labels);
  });
  check_gradient(3, 15, [](Tape<double>& tape, const Var<double>& x) {
    return prototype_loss(tape, x, 3, 2);
  });
  check_gradient(
      3, 6, [](Tape<double>& tape, const Var<double>& x) { return contrast_loss(tape, x, 0.7); });
}

TEST(Objectives, ValuesWhereTheAnswerIsKnown) {
  Tape<double> tape;
  tape.reset(true);
  const Values zero(6, 0.0), one(6, 1.0);
  const Var<double> x = tape.leaf(zero.data(), 3, 1, 2), s = tape.leaf(one.data(), 3, 1, 2);
  EXPECT_NEAR(bernoulli_loss<double>(tape, x, one), 3 * std::log(2.0), 1e-12);
  EXPECT_NEAR(squared_loss<double>(tape, x, one), 1.5, 1e-12);
  // Mean 0.5, so 3 errors of half a unit: 3 (0.25 / (2 0.25) + log 0.5 + log(2 pi) / 2).
  EXPECT_NEAR(pixel_loss<double>(tape, x, one, 0.5), 3 * (0.5 - std::log(2.0) + 0.91893853320467),
              1e-12);
  EXPECT_NEAR(divergence_loss(tape, x, s), 0, 1e-12);
  EXPECT_NEAR(divergence_loss(tape, s, s), 1.5, 1e-12);
  EXPECT_NEAR(cross_entropy_loss<double>(tape, x, std::vector<int>{0, 2}), std::log(3.0), 1e-12);
  // All embeddings alike: every class, and every other example, is as likely.
  const Values alike(2 * 12, 1.0);
  const Var<double> e = tape.leaf(alike.data(), 2, 1, 12);
  EXPECT_NEAR(prototype_loss(tape, e, 3, 1), std::log(3.0), 1e-9);
  EXPECT_NEAR(contrast_loss(tape, e, 0.5), std::log(11.0), 1e-6);
}

}  // namespace
}  // namespace metaplastic
