// Element-wise operations and those over columns of a matrix: values against formulas, adjoints
// against differences (gradient_check.h).
#include "tensor/gradient_check.h"

namespace metaplastic {
namespace {

double function_value(Unary function, double x) {
  switch (function) {
    case Unary::kIdentity:
      return x;
    case Unary::kRelu:
      return std::max(x, 0.0);
    case Unary::kLeakyRelu:
      return x > 0 ? x : 0.01 * x;
    case Unary::kTanh:
      return std::tanh(x);
    case Unary::kElu:
      return x > 0 ? x : std::expm1(x);
    case Unary::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Unary::kSoftplus:
      return std::log1p(std::exp(x));
    case Unary::kSwish:
      return x / (1 + std::exp(-x));
    case Unary::kStep:
      return x > 0 ? 1 : 0;
    case Unary::kSignedSquare:
      return x * std::abs(x);
    case Unary::kGaussian:
      return std::exp(-x * x);
    case Unary::kRootGrowth:
      return std::sqrt(1 + x * x) - 1;
  }
  return 0;
}

// Moves values away from a kink at 0, so that no difference crosses it.
Leaf away_from_zero(Leaf leaf) {
  for (double& value : leaf.values) value += value < 0 ? -0.01 : 0.01;
  return leaf;
}

TEST(Map, EveryFunction) {
  for (int f = 0; f <= static_cast<int>(Unary::kRootGrowth); ++f) {
    SCOPED_TRACE(f);
    const Unary function = static_cast<Unary>(f);
    check_op([&](Tape64& tape, const std::vector<Var64>& x) { return map(tape, function, x[0]); },
             {away_from_zero(random_leaf(3, 1, 7, 1, -2, 2))},
             [&](const auto& x) {
               Values y;
               for (const double value : x[0].values) y.push_back(function_value(function, value));
               return y;
             });
  }
}

TEST(Multiply, TwoValuesAndOneTwice) {
  check_op([](Tape64& tape, const std::vector<Var64>& x) { return multiply(tape, x[0], x[1]); },
           {random_leaf(2, 3, 5, 1), random_leaf(2, 3, 5, 2)},
           [](const auto& x) {
             Values y = x[0].values;
             for (std::size_t i = 0; i < y.size(); ++i) y[i] *= x[1].values[i];
             return y;
           });
  check_op([](Tape64& tape, const std::vector<Var64>& x) { return multiply(tape, x[0], x[0]); },
           {random_leaf(2, 3, 5, 1)},
           [](const auto& x) {
             Values y = x[0].values;
             for (double& value : y) value *= value;
             return y;
           });
}

TEST(MultiplySign, GradientOfTheFactorOnly) {
  Leaf w = away_from_zero(random_matrix(4, 5, 2));
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) { return multiply_sign(tape, x[0], x[1]); },
      {random_matrix(4, 5, 1), w},
      [](const auto& x) {
        Values y = x[0].values;
        for (std::size_t i = 0; i < y.size(); ++i) y[i] *= x[1].values[i] > 0 ? 1 : -1;
        return y;
      });
  // w sign(w) = |w|, and 0 at 0.
  w.values[3] = 0;
  Tape64 tape;
  const Values y = value_of(
      tape, [](Tape64& t, const std::vector<Var64>& x) { return multiply_sign(t, x[0], x[0]); },
      {w});
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], std::abs(w.values[i]));
}

TEST(Mix, OneToSixteenTerms) {
  for (const std::size_t n : {1u, 2u, 5u, 16u}) {
    SCOPED_TRACE(n);
    std::vector<Leaf> leaves = {random_matrix(1, static_cast<int>(n), 99)};
    for (std::uint32_t k = 0; k < n; ++k) leaves.push_back(random_matrix(2, 3, k));
    check_op(
        [&](Tape64& tape, const std::vector<Var64>& x) {
          return mix(tape, std::span<const Var64>(x).subspan(1), x[0], 0.6);
        },
        leaves,
        [&](const auto& x) {
          Values y(6, 0.0);
          for (std::size_t k = 0; k < n; ++k)
            for (std::size_t i = 0; i < 6; ++i) y[i] += 0.6 * x[0].values[k] * x[k + 1].values[i];
          return y;
        });
  }
}

TEST(Mix, OneTermTwice) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        const std::array terms = {x[1], x[2], x[1]};
        return mix(tape, std::span<const Var64>(terms), x[0], 2.0);
      },
      {random_matrix(1, 3, 1), random_matrix(2, 3, 2), random_matrix(2, 3, 3)},
      [](const auto& x) {
        Values y;
        for (std::size_t i = 0; i < 6; ++i)
          y.push_back(2 * ((x[0].values[0] + x[0].values[2]) * x[1].values[i] +
                           x[0].values[1] * x[2].values[i]));
        return y;
      });
}

// sum_k factor mix_k t_k / sqrt(offset + mean over rows of t_k^2); leaves: mix, then the terms.
Values mixed(const std::vector<Leaf>& x, const std::vector<std::size_t>& terms, double offset,
             double factor) {
  const Leaf& first = x[terms[0]];
  const int cols = first.channels * first.examples;
  Values y(first.values.size(), 0.0);
  for (std::size_t k = 0; k < terms.size(); ++k) {
    const Values& t = x[terms[k]].values;
    for (int j = 0; j < cols; ++j) {
      double square = 0;
      for (int i = 0; i < first.units; ++i)
        square += std::pow(t[static_cast<std::size_t>(i * cols + j)], 2) / first.units;
      for (int i = 0; i < first.units; ++i) {
        const auto at = static_cast<std::size_t>(i * cols + j);
        y[at] += factor * x[0].values[k] * t[at] / std::sqrt(square + offset);
      }
    }
  }
  return y;
}

TEST(NormalisedMix, OneToSixteenTerms) {
  for (const std::size_t n : {1u, 2u, 5u, 16u})
    for (const int cols : {1, 3, 11}) {
      SCOPED_TRACE(testing::Message() << n << " terms of " << cols << " columns");
      std::vector<Leaf> leaves = {random_matrix(1, static_cast<int>(n), 99)};
      std::vector<std::size_t> terms;
      for (std::uint32_t k = 0; k < n; ++k) {
        leaves.push_back(random_matrix(2, cols, k));
        terms.push_back(k + 1);
      }
      check_op(
          [&](Tape64& tape, const std::vector<Var64>& x) {
            return normalised_mix(tape, std::span<const Var64>(x).subspan(1), 0.4, x[0], 0.6);
          },
          leaves, [&](const auto& x) { return mixed(x, terms, 0.4, 0.6); });
    }
}

TEST(NormalisedMix, OneTermTwice) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        const std::array terms = {x[1], x[2], x[1]};
        return normalised_mix(tape, std::span<const Var64>(terms), 1.0, x[0], 2.0);
      },
      {random_matrix(1, 3, 1), random_leaf(2, 2, 3, 2), random_leaf(2, 2, 3, 3)},
      [](const auto& x) {
        return mixed(x, {1, 2, 1}, 1.0, 2.0);
      });
}

TEST(RmsNormalise, ColumnsAndAll) {
  for (const Over over : {Over::kColumns, Over::kAll})
    for (const auto& [rows, cols] : {std::pair{1, 1}, {1, 4}, {5, 1}, {4, 7}}) {
      SCOPED_TRACE(testing::Message() << rows << "x" << cols);
      check_op([&](Tape64& tape,
                   const std::vector<Var64>& x) { return rms_normalise(tape, x[0], over, 0.2); },
               {random_matrix(rows, cols, 1)},
               [&](const auto& x) {
                 Values y;
                 for (int i = 0; i < rows; ++i)
                   for (int j = 0; j < cols; ++j) {
                     double sum = 0;
                     int count = 0;
                     for (int r = 0; r < rows; ++r)
                       for (int c = 0; c < cols; ++c)
                         if (over == Over::kAll || c == j)
                           sum += std::pow(x[0].at(r, c), 2), ++count;
                     y.push_back(x[0].at(i, j) / std::sqrt(0.2 + sum / count));
                   }
                 return y;
               });
    }
}

Values without_shrinking(const Leaf& step, const Leaf& w) {
  Values y;
  for (int i = 0; i < step.units; ++i)
    for (int j = 0; j < step.examples; ++j) {
      double along = 0;
      for (int r = 0; r < step.units; ++r) along += step.at(r, j) * w.at(r, j) / step.units;
      y.push_back(step.at(i, j) - w.at(i, j) * std::max(0.0, along));
    }
  return y;
}

TEST(RemoveShrinking, ValueAndAdjoint) {
  for (const auto& [rows, cols] : {std::pair{1, 3}, {5, 1}, {4, 9}}) {
    SCOPED_TRACE(testing::Message() << rows << "x" << cols);
    check_op([](Tape64& tape,
                const std::vector<Var64>& x) { return remove_shrinking(tape, x[0], x[1]); },
             {random_matrix(rows, cols, 1), random_matrix(rows, cols, 2)},
             [](const auto& x) { return without_shrinking(x[0], x[1]); });
  }
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) { return remove_shrinking(tape, x[0], x[0]); },
      {random_matrix(4, 3, 1)}, [](const auto& x) { return without_shrinking(x[0], x[0]); });
}

// Mean and rms of a column (incoming) or row (outgoing) of w.
std::pair<double, double> statistics_of(const Leaf& w, bool column, int u, double eps) {
  const int n = column ? w.units : w.examples;
  double sum = 0, square = 0;
  for (int i = 0; i < n; ++i) {
    const double value = column ? w.at(i, u) : w.at(u, i);
    sum += value, square += value * value;
  }
  return {sum / n, std::sqrt(square / n + eps)};
}

TEST(WeightStatistics, IncomingOutgoingAndBoth) {
  constexpr double kEps = 1e-3;
  const int U = 3;
  const Leaf w_in = random_matrix(5, U, 1), w_out = random_matrix(U, 4, 2);
  const auto naive = [&](const Leaf* in, const Leaf* out) {
    Values y;
    for (int u = 0; u < U; ++u) {
      const auto a = in ? statistics_of(*in, true, u, kEps) : statistics_of(*out, false, u, kEps);
      const auto b = out ? statistics_of(*out, false, u, kEps) : a;
      y.insert(y.end(), {a.first, a.second, b.first, b.second});
    }
    return y;
  };
  check_op([](Tape64& tape,
              const std::vector<Var64>& x) { return weight_statistics(tape, &x[0], &x[1], kEps); },
           {w_in, w_out}, [&](const auto& x) { return naive(&x[0], &x[1]); });
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        return weight_statistics<double>(tape, &x[0], nullptr, kEps);
      },
      {w_in}, [&](const auto& x) { return naive(&x[0], nullptr); });
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        return weight_statistics<double>(tape, nullptr, &x[0], kEps);
      },
      {w_out}, [&](const auto& x) { return naive(nullptr, &x[0]); });
  check_op([](Tape64& tape,
              const std::vector<Var64>& x) { return weight_statistics(tape, &x[0], &x[0], kEps); },
           {random_matrix(U, U, 3)}, [&](const auto& x) { return naive(&x[0], &x[0]); });
}

TEST(ShiftToNonnegativeMean, BothSidesOfZero) {
  for (const float low : {-1.0f, -0.2f}) {
    const Leaf s = random_matrix(1, 7, 1, low, low + 1.1f);
    check_op([](Tape64& tape,
                const std::vector<Var64>& x) { return shift_to_nonnegative_mean(tape, x[0]); },
             {s},
             [](const auto& x) {
               Values y = x[0].values;
               double mean = 0;
               for (const double value : y) mean += value / double(y.size());
               for (double& value : y) value -= std::min(0.0, mean);
               return y;
             });
  }
}

}  // namespace
}  // namespace metaplastic
