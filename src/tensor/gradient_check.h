// Checks an operation of the tape: its value against a naive formula, its adjoint against
// differences of the value, in double. Read with ops.h.
//
// check_op runs every variation in which the tape could go wrong: leaves and computed values as
// inputs, bars that hold something already, some inputs constant, not recording at all. Memory is
// filled with NaN first, so that anything read before it is written shows.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "base/random.h"
#include "tensor/ops.h"

namespace metaplastic {

using Tape64 = Tape<double>;
using Var64 = Var<double>;
using Values = std::vector<double>;

struct Leaf {
  int units, channels, examples;
  Values values;  // [units, channels, examples]
  double at(int u, int c, int b) const {
    return values[static_cast<std::size_t>((u * channels + c) * examples + b)];
  }
  double at(int row, int col) const { return at(row, 0, col); }
};

// Uniform in [low, high]; `stream` names the draw.
inline Leaf random_leaf(int units, int channels, int examples, std::uint32_t stream, float low = -1,
                        float high = 1) {
  Leaf leaf{units, channels, examples, {}};
  Random random(1, Purpose::kTest, 1, stream);
  leaf.values.resize(static_cast<std::size_t>(units) * static_cast<std::size_t>(channels) *
                     static_cast<std::size_t>(examples));
  for (double& value : leaf.values) value = static_cast<double>(random.uniform(low, high));
  return leaf;
}
inline Leaf random_matrix(int rows, int cols, std::uint32_t stream, float low = -1,
                          float high = 1) {
  return random_leaf(rows, 1, cols, stream, low, high);
}

// Channels [first, first + count) of every unit.
inline Leaf channels_of(const Leaf& leaf, int first, int count) {
  Leaf slice{leaf.units, count, leaf.examples, {}};
  for (int u = 0; u < leaf.units; ++u)
    for (int c = first; c < first + count; ++c)
      for (int b = 0; b < leaf.examples; ++b) slice.values.push_back(leaf.at(u, c, b));
  return slice;
}

// Builds one value from the leaves (or from copies of them).
using Build = std::function<Var64(Tape64&, const std::vector<Var64>&)>;
// The same value, contiguous, by the formula.
using Naive = std::function<Values(const std::vector<Leaf>&)>;

// Which variation of the inputs a pass uses.
struct Variation {
  bool computed = false;               // inputs are results of operations instead of leaves
  bool bars_in_use = false;            // the bars of all leaves hold kStartBar before the pass
  std::vector<bool> is_constant = {};  // empty: none
};
constexpr double kStartBar = 0.75;

inline void poison(Tape64& tape) {
  constexpr std::ptrdiff_t kCount = 1 << 16;
  tape.reset(false);
  std::fill_n(tape.scratch(kCount), kCount, std::numeric_limits<double>::quiet_NaN());
}

inline Values contents(const Var64& y, const double* data) {
  Values values;
  for (int u = 0; u < y.units(); ++u)
    values.insert(values.end(), data + u * y.unit_stride,
                  data + u * y.unit_stride + std::ptrdiff_t{y.channels()} * y.examples());
  return values;
}

// The value without recording.
inline Values value_of(Tape64& tape, const Build& build, const std::vector<Leaf>& leaves) {
  poison(tape);
  tape.reset(false);
  std::vector<Var64> inputs;
  for (const Leaf& leaf : leaves)
    inputs.push_back(tape.leaf(leaf.values.data(), leaf.units, leaf.channels, leaf.examples));
  const Var64 y = build(tape, inputs);
  EXPECT_FALSE(y.needs_gradient()) << "nothing has a bar when the tape does not record";
  return contents(y, y.data);
}

// Fixed weights of the scalar sum_i weight_i y_i whose gradient is taken.
inline double projection_weight(std::size_t i) { return std::cos(1.0 + 2.7 * double(i)); }

// The adjoints of all leaves; empty for constants. `value` receives the value of the pass.
inline std::vector<Values> adjoints(Tape64& tape, const Build& build,
                                    const std::vector<Leaf>& leaves, const Variation& variation,
                                    Values* value) {
  poison(tape);
  tape.reset(true);
  std::vector<Var64> roots, inputs;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Leaf& leaf = leaves[i];
    const bool constant = !variation.is_constant.empty() && variation.is_constant[i];
    const double* data = leaf.values.data();
    roots.push_back(constant ? tape.constant(data, leaf.units, leaf.channels, leaf.examples)
                             : tape.leaf(data, leaf.units, leaf.channels, leaf.examples));
    inputs.push_back(variation.computed ? map(tape, Unary::kIdentity, roots[i]) : roots[i]);
    if (variation.bars_in_use && !constant)
      std::fill_n(tape.bar(roots[i]), roots[i].size(), kStartBar);
  }
  const Var64 y = build(tape, inputs);
  *value = contents(y, y.data);
  if (y.needs_gradient()) {
    double* bar = tape.bar(y);
    const std::ptrdiff_t row = std::ptrdiff_t{y.channels()} * y.examples();
    for (std::ptrdiff_t i = 0; i < y.size(); ++i)
      bar[i / row * y.unit_stride + i % row] += projection_weight(static_cast<std::size_t>(i));
    tape.backward();
  }
  std::vector<Values> result;
  for (const Var64& root : roots) {
    EXPECT_TRUE(root.needs_gradient() || !tape.has_bar(root)) << "a constant has no bar";
    result.push_back(root.needs_gradient() ? contents(root, tape.bar(root)) : Values{});
  }
  return result;
}

// d/dx of the projection by central differences of fourth order: with a step h of 1e-4 the
// truncation is h^4 f'''''/30 = 1e-17 f''''' and the rounding eps |f| / h = 2e-12 |f|.
inline std::vector<Values> differences(Tape64& tape, const Build& build, std::vector<Leaf> leaves) {
  constexpr double kStep = 1e-4;
  std::vector<Values> result;
  for (Leaf& leaf : leaves) {
    Values& slopes = result.emplace_back();
    for (double& x : leaf.values) {
      const double start = x;
      double sum = 0;
      for (const auto& [factor, steps] :
           {std::pair{-1.0, 2}, std::pair{8.0, 1}, std::pair{-8.0, -1}, std::pair{1.0, -2}}) {
        x = start + steps * kStep;
        const Values y = [&] { return value_of(tape, build, leaves); }();
        for (std::size_t i = 0; i < y.size(); ++i) sum += factor * projection_weight(i) * y[i];
      }
      x = start;
      slopes.push_back(sum / (12 * kStep));
    }
  }
  return result;
}

inline double root_mean_square(const Values& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return values.empty() ? 0 : std::sqrt(sum / double(values.size()));
}

// |got - expected| <= tolerance (|expected| + rms of expected + 0.01), every entry. The constant
// stands for what exact zeros differ by: the rounding of differences, 2e-12 |f|.
inline void expect_close(const Values& got, const Values& expected, double tolerance,
                         const char* what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  const double scale = root_mean_square(expected) + 0.01;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double bound = tolerance * (std::abs(expected[i]) + scale);
    EXPECT_TRUE(std::abs(got[i] - expected[i]) <= bound)  // false for NaN
        << what << " at " << i << ": found " << got[i] << ", expected " << expected[i];
  }
}

// Relative error allowed to adjoints against differences, and to values against formulas.
constexpr double kGradientTolerance = 1e-8;
constexpr double kValueTolerance = 1e-12;

inline void check_variation(Tape64& tape, const Build& build, const std::vector<Leaf>& leaves,
                            const Variation& variation, const Values& value,
                            const std::vector<Values>& slopes) {
  Values recorded;
  const std::vector<Values> bars = adjoints(tape, build, leaves, variation, &recorded);
  EXPECT_EQ(recorded, value) << "recording changes no bit of the value";
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (!variation.is_constant.empty() && variation.is_constant[i]) continue;
    SCOPED_TRACE(testing::Message() << "leaf " << i);
    Values expected = slopes[i];
    if (variation.bars_in_use)
      for (double& slope : expected) slope += kStartBar;
    expect_close(bars[i], expected, kGradientTolerance, "adjoint");
  }
}

inline void check_op(const Build& build, const std::vector<Leaf>& leaves, const Naive& naive) {
  Tape64 tape;
  const Values value = value_of(tape, build, leaves);
  expect_close(value, naive(leaves), kValueTolerance, "value");
  const std::vector<Values> slopes = differences(tape, build, leaves);
  std::vector<Variation> variations = {
      {}, {.computed = true}, {.bars_in_use = true}, {.computed = true, .bars_in_use = true}};
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    for (const bool only : {false, true}) {  // leaf i is the only variable, or the only constant
      Variation one{.computed = i % 2 == 1};
      for (std::size_t j = 0; j < leaves.size(); ++j)
        one.is_constant.push_back(only ? j != i : j == i);
      variations.push_back(one);
    }
  }
  for (const Variation& variation : variations) {
    SCOPED_TRACE(testing::Message() << (variation.computed ? "computed inputs " : "")
                                    << (variation.bars_in_use ? "bars in use " : "") << "constants "
                                    << testing::PrintToString(variation.is_constant));
    check_variation(tape, build, leaves, variation, value, slopes);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace metaplastic
