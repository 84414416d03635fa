// Matrix operations: values against formulas, adjoints against differences (gradient_check.h).
#include "tensor/gradient_check.h"

namespace metaplastic {
namespace {

// alpha op(A) op(B) of matrices given as leaves whose trailing dims count as one index.
Values product(const Leaf& a, bool transpose_a, const Leaf& b, bool transpose_b, double alpha) {
  const int a_cols = a.channels * a.examples, b_cols = b.channels * b.examples;
  const int m = transpose_a ? a_cols : a.units, k = transpose_a ? a.units : a_cols;
  const int n = transpose_b ? b.units : b_cols;
  Values c;
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      double sum = 0;
      for (int p = 0; p < k; ++p) {
        const int at_a = transpose_a ? p * a_cols + i : i * a_cols + p;
        const int at_b = transpose_b ? j * b_cols + p : p * b_cols + j;
        sum += a.values[static_cast<std::size_t>(at_a)] * b.values[static_cast<std::size_t>(at_b)];
      }
      c.push_back(alpha * sum);
    }
  return c;
}

TEST(Matmul, AllTransposesAndShapes) {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const auto& [m, n, k] : {std::array{1, 1, 1}, {3, 5, 2}, {7, 1, 4}, {2, 6, 9}}) {
        SCOPED_TRACE(testing::Message() << ta << tb << " " << m << "x" << n << "x" << k);
        const std::vector<Leaf> leaves = {ta ? random_matrix(k, m, 1) : random_matrix(m, k, 1),
                                          tb ? random_matrix(n, k, 2) : random_matrix(k, n, 2)};
        check_op([&](Tape64& tape,
                     const std::vector<Var64>& x) { return matmul(tape, x[0], ta, x[1], tb, 0.7); },
                 leaves, [&](const auto& x) { return product(x[0], ta, x[1], tb, 0.7); });
      }
}

// [U_lo,U_up] x [U_up,D,B] -> [U_lo,D,B], and [U_lo,G,B] x [U_up,G,B]^T -> [U_lo,U_up].
TEST(Matmul, TrailingDimensionsAreOneIndex) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        const Var64 y = matmul(tape, x[0], false, x[1], false);
        EXPECT_EQ(y.dims, (std::array{3, 2, 5}));
        return y;
      },
      {random_matrix(3, 4, 1), random_leaf(4, 2, 5, 2)},
      [](const auto& x) { return product(x[0], false, x[1], false, 1); });
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        const Var64 y = matmul(tape, x[0], false, x[1], true, 0.1);
        EXPECT_EQ(y.dims, (std::array{3, 1, 4}));
        return y;
      },
      {random_leaf(3, 2, 5, 1), random_leaf(4, 2, 5, 2)},
      [](const auto& x) { return product(x[0], false, x[1], true, 0.1); });
}

TEST(Matmul, BothFactorsAreOneValue) {
  for (const bool transpose_first : {false, true}) {
    check_op(
        [&](Tape64& tape, const std::vector<Var64>& x) {
          return matmul(tape, x[0], transpose_first, x[0], !transpose_first);
        },
        {random_leaf(4, 2, 3, 1)},
        [&](const auto& x) { return product(x[0], transpose_first, x[0], !transpose_first, 1); });
  }
  check_op([](Tape64& tape,
              const std::vector<Var64>& x) { return matmul(tape, x[0], false, x[0], false); },
           {random_matrix(5, 5, 1)},
           [](const auto& x) { return product(x[0], false, x[0], false, 1); });
}

// Two readouts that are slices of one value, as in the low-rank terms.
TEST(Matmul, ChannelSlices) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        return matmul(tape, slice_channels(x[0], 0, 2), false, slice_channels(x[0], 1, 2), true);
      },
      {random_leaf(4, 4, 3, 1)},
      [](const auto& x) {
        return product(channels_of(x[0], 0, 2), false, channels_of(x[0], 1, 2), true, 1);
      });
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        return matmul(tape, x[1], true, slice_channels(x[0], 2, 2), false);
      },
      {random_leaf(4, 5, 3, 1), random_matrix(4, 2, 2)},
      [](const auto& x) { return product(x[1], true, channels_of(x[0], 2, 2), false, 1); });
}

TEST(OffDiagonal, ValueAndAdjoint) {
  for (const int U : {1, 2, 7}) {
    check_op(
        [](Tape64& tape, const std::vector<Var64>& x) { return off_diagonal(tape, x[0], -0.3); },
        {random_matrix(U, U, 1)},
        [U](const auto& x) {
          Values y = x[0].values;
          for (std::size_t i = 0; i < y.size(); ++i)
            y[i] = i % (static_cast<std::size_t>(U) + 1) == 0 ? 0 : -0.3 * y[i];
          return y;
        });
  }
}

// Its closure clears the diagonal of its output's bar: a bar that others have added to.
TEST(OffDiagonal, BesideAnotherUser) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        const Var64 off = off_diagonal(tape, x[0], 2.0);
        return combine(tape, 1.0, matmul(tape, off, false, off, true), 0.5, x[0]);
      },
      {random_matrix(3, 3, 1)},
      [](const auto& x) {
        Leaf off = x[0];
        for (std::size_t i = 0; i < 9; ++i) off.values[i] *= i % 4 == 0 ? 0 : 2;
        Values y = product(off, false, off, true, 1);
        for (std::size_t i = 0; i < 9; ++i) y[i] += 0.5 * x[0].values[i];
        return y;
      });
}

TEST(Symmetrise, ValueAndAdjoint) {
  for (const int U : {1, 2, 5, 33}) {  // 33: more than one tile
    SCOPED_TRACE(U);
    const auto naive = [U](const std::vector<Leaf>& x) {
      Values y;
      for (int i = 0; i < U; ++i)
        for (int j = 0; j < U; ++j)
          y.push_back(i == j ? 0 : (x[0].at(i, j) + x[0].at(j, i)) / std::sqrt(2.0 * U));
      return y;
    };
    const auto build = [](Tape64& tape, const std::vector<Var64>& x) {
      return symmetrise(tape, x[0]);
    };
    const std::vector<Leaf> leaves = {random_matrix(U, U, 1)};
    if (U <= 5) {
      check_op(build, leaves, naive);
      continue;
    }
    Tape64 tape;
    expect_close(value_of(tape, build, leaves), naive(leaves), kValueTolerance, "value");
    // The map is linear and symmetric: its adjoint of the weights is its value of them.
    Values recorded;
    const Values bar = adjoints(tape, build, leaves, {}, &recorded)[0];
    Leaf weights = leaves[0];
    for (std::size_t i = 0; i < weights.values.size(); ++i)
      weights.values[i] = projection_weight(i);
    expect_close(bar, naive({weights}), kValueTolerance, "adjoint");
  }
}

// alpha (a b^T + b a^T) with a zero diagonal.
Values symmetric(const Leaf& a, const Leaf& b, double alpha) {
  const Values ab = product(a, false, b, true, alpha), ba = product(b, false, a, true, alpha);
  const auto U = static_cast<std::size_t>(a.units);
  Values y;
  for (std::size_t i = 0; i < ab.size(); ++i) y.push_back(i % (U + 1) == 0 ? 0 : ab[i] + ba[i]);
  return y;
}

TEST(SymmetricProduct, ValueAndAdjoint) {
  for (const int U : {1, 2, 5, 8, 9, 17}) {  // 8: a tile of double with AVX-512
    SCOPED_TRACE(U);
    check_op([](Tape64& tape,
                const std::vector<Var64>& x) { return symmetric_product(tape, x[0], x[1], 0.3); },
             {random_leaf(U, 1, 2, 1), random_leaf(U, 1, 2, 2)},
             [](const auto& x) { return symmetric(x[0], x[1], 0.3); });
  }
}

TEST(SymmetricProduct, OfOneValue) {
  for (const int U : {1, 2, 5, 35}) {  // 35: more than one panel
    SCOPED_TRACE(U);
    check_op([](Tape64& tape,
                const std::vector<Var64>& x) { return symmetric_product(tape, x[0], x[0], -0.7); },
             {random_leaf(U, 1, 2, 1)}, [](const auto& x) { return symmetric(x[0], x[0], -0.7); });
  }
}

// Overlapping slices of one value, whose bars add up, and another user of the result, whose bar
// is not symmetric.
TEST(SymmetricProduct, SlicesBesideAnotherUser) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        const Var64 mixed =
            symmetric_product(tape, slice_channels(x[0], 0, 2), slice_channels(x[0], 1, 2), 2.0);
        const Var64 square =
            symmetric_product(tape, slice_channels(x[0], 1, 2), slice_channels(x[0], 1, 2), 0.5);
        return combine(tape, 1.0, matmul(tape, mixed, false, square, false), 0.5, mixed);
      },
      {random_leaf(4, 4, 3, 1)},
      [](const auto& x) {
        const Leaf low = channels_of(x[0], 0, 2), high = channels_of(x[0], 1, 2);
        const Values mixed = symmetric(low, high, 2.0);
        Values y =
            product({4, 1, 4, mixed}, false, {4, 1, 4, symmetric(high, high, 0.5)}, false, 1);
        for (std::size_t i = 0; i < y.size(); ++i) y[i] += 0.5 * mixed[i];
        return y;
      });
}

// Readouts that are slices of one value.
TEST(ScaleByDots, ValueAndAdjoint) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        return scale_by_dots(tape, slice_channels(x[0], 0, 2), slice_channels(x[0], 1, 2), x[1],
                             -0.6);
      },
      {random_leaf(4, 3, 3, 1), random_matrix(4, 5, 2)},
      [](const auto& x) {
        const Leaf a = channels_of(x[0], 0, 2), b = channels_of(x[0], 1, 2);
        Values y;
        for (std::size_t u = 0; u < 4; ++u) {
          double dot = 0;
          for (std::size_t i = 0; i < 6; ++i) dot += a.values[u * 6 + i] * b.values[u * 6 + i];
          for (std::size_t j = 0; j < 5; ++j) y.push_back(-0.6 * dot * x[1].values[u * 5 + j]);
        }
        return y;
      });
}

TEST(ScaleColumnsByDots, ValueAndAdjoint) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        return scale_columns_by_dots(tape, slice_channels(x[0], 0, 2), slice_channels(x[0], 1, 2),
                                     x[1], -0.6);
      },
      {random_leaf(4, 3, 3, 1), random_matrix(5, 4, 2)},
      [](const auto& x) {
        const Leaf a = channels_of(x[0], 0, 2), b = channels_of(x[0], 1, 2);
        Values y(20);
        for (std::size_t u = 0; u < 4; ++u) {
          double dot = 0;
          for (std::size_t i = 0; i < 6; ++i) dot += a.values[u * 6 + i] * b.values[u * 6 + i];
          for (std::size_t j = 0; j < 5; ++j) y[j * 4 + u] = -0.6 * dot * x[1].values[j * 4 + u];
        }
        return y;
      });
}

TEST(Combine, ValueAndAdjoint) {
  check_op([](Tape64& tape,
              const std::vector<Var64>& x) { return combine(tape, 1.5, x[0], -0.25, x[1]); },
           {random_leaf(2, 3, 5, 1), random_leaf(2, 3, 5, 2)},
           [](const auto& x) {
             Values y;
             for (std::size_t i = 0; i < x[0].values.size(); ++i)
               y.push_back(1.5 * x[0].values[i] - 0.25 * x[1].values[i]);
             return y;
           });
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) { return combine(tape, 1.5, x[0], 0.5, x[0]); },
      {random_matrix(3, 7, 1)},
      [](const auto& x) {
        Values y = x[0].values;
        for (double& value : y) value *= 2;
        return y;
      });
}

// One value used in three layouts: the bar is one, whatever the view that writes it.
TEST(Reshape, SharesTheBarInEveryLayout) {
  for (const bool reshaped_first : {false, true}) {
    check_op(
        [&](Tape64& tape, const std::vector<Var64>& x) {
          const Var64 wide = reshape(x[0], 1, 1, 24), tall = reshape(x[0], 2, 12, 1);
          const Var64 swapped = reshape(x[0], 3, 2, 4);
          const Var64 a = map(tape, Unary::kTanh, reshaped_first ? wide : x[0]);
          const Var64 b = map(tape, Unary::kSigmoid, reshaped_first ? x[0] : swapped);
          const Var64 c = map(tape, Unary::kSoftplus, tall);
          const Var64 ab = multiply(tape, reshape(a, 4, 6, 1), reshape(b, 4, 6, 1));
          return multiply(tape, ab, reshape(c, 4, 6, 1));
        },
        {random_leaf(2, 3, 4, 1)},
        [](const auto& x) {
          Values y;
          for (const double value : x[0].values)
            y.push_back(std::tanh(value) / (1 + std::exp(-value)) * std::log1p(std::exp(value)));
          return y;
        });
  }
}

// As channels, more than the tape keeps marks for in a value of its own.
TEST(Reshape, ManyUnitsAsChannels) {
  constexpr int kUnits = 270;
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        return linear(tape, {reshape(x[0], 1, kUnits, 1)}, x[1]);
      },
      {random_matrix(1, kUnits, 1), random_matrix(kUnits, 2, 2)},
      [](const auto& x) { return product(x[0], false, x[1], false, 1); });
}

}  // namespace
}  // namespace metaplastic
