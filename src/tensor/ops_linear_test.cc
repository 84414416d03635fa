// Linear maps of channels, alone and fused with the norm: values against formulas, adjoints against
// differences (gradient_check.h).
#include "tensor/gradient_check.h"

namespace metaplastic {
namespace {

constexpr double kLinearEps = 1e-2, kMomentsEps = 3e-2;

// What linear() computes; offsets may be null.
Values affine(const std::vector<Leaf>& pieces, const Leaf& a, const Leaf* bias, const Leaf* unit,
              const Leaf* example, int first, int count) {
  Values y;
  for (int u = 0; u < pieces[0].units; ++u)
    for (int co = 0; co < count; ++co)
      for (int b = 0; b < pieces[0].examples; ++b) {
        double sum = 0;
        int k = 0;
        for (const Leaf& piece : pieces)
          for (int c = 0; c < piece.channels; ++c, ++k)
            sum += piece.at(u, c, b) * a.at(k, first + co);
        if (bias) sum += bias->at(0, first + co);
        if (unit) sum += unit->at(u, co);
        if (example) sum += example->at(0, co, b);
        y.push_back(sum);
      }
  return y;
}

TEST(Linear, EveryCombinationOfOffsetsAndColumns) {
  for (unsigned present = 0; present < 8; ++present)
    for (const bool some_columns : {false, true}) {
      SCOPED_TRACE(testing::Message() << "offsets " << present << " columns " << some_columns);
      const int first = some_columns ? 2 : 0, count = some_columns ? 3 : 7;
      const auto build = [&](Tape64& tape, const std::vector<Var64>& x) {
        LinearExtras<double> extras{.bias = present & 1 ? &x[2] : nullptr,
                                    .unit_offset = present & 2 ? &x[3] : nullptr,
                                    .example_offset = present & 4 ? &x[4] : nullptr};
        if (some_columns) extras.first_column = first, extras.num_columns = count;
        return linear(tape, {x[0]}, x[1], extras);
      };
      check_op(build,
               {random_leaf(2, 3, 5, 1), random_matrix(3, 7, 2), random_matrix(1, 7, 3),
                random_matrix(2, count, 4), random_leaf(1, count, 5, 5)},
               [&](const auto& x) {
                 return affine({x[0]}, x[1], present & 1 ? &x[2] : nullptr,
                               present & 2 ? &x[3] : nullptr, present & 4 ? &x[4] : nullptr, first,
                               count);
               });
    }
}

TEST(Linear, PiecesSlicesAndRepeats) {
  // Four pieces: a value, a slice of it that overlaps another slice, and the value again.
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        return linear(tape, {slice_channels(x[0], 1, 2), slice_channels(x[0], 2, 2), x[1], x[1]},
                      x[2]);
      },
      {random_leaf(3, 4, 5, 1), random_leaf(3, 1, 5, 2), random_matrix(6, 4, 3)},
      [](const auto& x) {
        return affine({channels_of(x[0], 1, 2), channels_of(x[0], 2, 2), x[1], x[1]}, x[2], nullptr,
                      nullptr, nullptr, 0, 4);
      });
}

// Channels beyond one register tile.
TEST(Linear, ManyUnitsAndChannels) {
  check_op([](Tape64& tape, const std::vector<Var64>& x) { return linear(tape, {x[0]}, x[1]); },
           {random_leaf(11, 2, 9, 1), random_matrix(2, 13, 2)},
           [](const auto& x) { return affine({x[0]}, x[1], nullptr, nullptr, nullptr, 0, 13); });
}

// Two maps that use different columns of one matrix and bias, as readouts do.
TEST(Linear, ColumnsOfOneMatrixInTwoPlaces) {
  const auto part = [](Tape64& tape, const std::vector<Var64>& x, int first) {
    return linear(tape, {x[0]}, x[1], {.bias = &x[2], .first_column = first, .num_columns = 3});
  };
  check_op(
      [&](Tape64& tape, const std::vector<Var64>& x) {
        return multiply(tape, part(tape, x, 0), part(tape, x, 2));
      },
      {random_leaf(2, 3, 5, 1), random_matrix(3, 6, 2), random_matrix(1, 6, 3)},
      [](const auto& x) {
        Values y = affine({x[0]}, x[1], &x[2], nullptr, nullptr, 0, 3);
        const Values right = affine({x[0]}, x[1], &x[2], nullptr, nullptr, 2, 3);
        for (std::size_t i = 0; i < y.size(); ++i) y[i] *= right[i];
        return y;
      });
}

// Mean and sqrt(variance + eps) of all values for which use(u, c, b).
struct Moments {
  double mean = 0, deviation = 0;
};
template <class Use>
Moments moments_of(const Leaf& x, double eps, Use use) {
  double count = 0, sum = 0, square = 0;
  const auto each = [&](const auto& add) {
    for (int u = 0; u < x.units; ++u)
      for (int c = 0; c < x.channels; ++c)
        for (int b = 0; b < x.examples; ++b)
          if (use(u, c, b)) add(x.at(u, c, b));
  };
  each([&](double value) { sum += value, ++count; });
  each([&](double value) { square += std::pow(value - sum / count, 2); });
  return {sum / count, std::sqrt(square / count + eps)};
}

Leaf norm_relu_of(Leaf y) {
  const Leaf before = y;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const int channel = static_cast<int>(i) / y.examples % y.channels;
    const Moments m = moments_of(before, kLinearEps, [&](int, int c, int) { return c == channel; });
    y.values[i] = std::max(0.0, (y.values[i] - m.mean) / m.deviation);
  }
  return y;
}

// leaves: two pieces, matrix, bias, unit and example offset.
std::vector<Leaf> normed_leaves(int U, int C, int Co, int B) {
  return {random_leaf(U, C, B, 1), random_leaf(U, 1, B, 2),        random_matrix(C + 1, Co, 3),
          random_matrix(1, Co, 4), random_matrix(U, Co, 5, -2, 2), random_leaf(1, Co, B, 6)};
}
LinearExtras<double> normed_extras(const std::vector<Var64>& x) {
  return {.bias = &x[3], .unit_offset = &x[4], .example_offset = &x[5]};
}
Leaf normed(const std::vector<Leaf>& x) {
  const int Co = x[2].examples;
  return norm_relu_of(
      {x[0].units, Co, x[0].examples, affine({x[0], x[1]}, x[2], &x[3], &x[4], &x[5], 0, Co)});
}

// A normed value read by a map that leaves it as it is.
Var64 as_read(Tape64& tape, const Normed<double>& n) {
  const int C = n.n.channels();
  double* identity = tape.scratch(std::ptrdiff_t{C} * C);
  for (int i = 0; i < C * C; ++i) identity[i] = i % (C + 1) == 0 ? 1 : 0;
  return linear(tape, n, tape.constant(identity, C, C));
}

struct NormedShape {
  int U, C, Co, B;
};
constexpr NormedShape kNormedShapes[] = {{2, 1, 1, 2}, {1, 2, 3, 9}, {3, 2, 2, 17}, {4, 1, 7, 3}};

TEST(LinearNormRelu, ValueAndAdjoint) {
  for (const NormedShape& s : kNormedShapes) {
    SCOPED_TRACE(testing::Message() << s.U << "," << s.C << "," << s.Co << "," << s.B);
    check_op(
        [](Tape64& tape, const std::vector<Var64>& x) {
          return as_read(tape,
                         linear_norm_relu(tape, {x[0], x[1]}, x[2], normed_extras(x), kLinearEps));
        },
        normed_leaves(s.U, s.C, s.Co, s.B), [](const auto& x) { return normed(x).values; });
  }
}

// Means and deviations of each unit and channel, over the examples.
Values over_batch(const std::vector<Leaf>& x) {
  const Leaf n = normed(x);
  Values y;
  for (int u = 0; u < n.units; ++u)
    for (int part = 0; part < 2; ++part)
      for (int c = 0; c < n.channels; ++c) {
        const Moments m = moments_of(
            n, kMomentsEps, [&](int v, int channel, int) { return v == u && channel == c; });
        y.push_back(part == 0 ? m.mean : m.deviation);
      }
  return y;
}

// The same of each channel and example, over the units.
Values over_units(const std::vector<Leaf>& x) {
  const Leaf n = normed(x);
  Values y;
  for (int part = 0; part < 2; ++part)
    for (int c = 0; c < n.channels; ++c)
      for (int b = 0; b < n.examples; ++b) {
        const Moments m = moments_of(n, kMomentsEps, [&](int, int channel, int example) {
          return channel == c && example == b;
        });
        y.push_back(part == 0 ? m.mean : m.deviation);
      }
  return y;
}

// The moments of n by themselves: n has no other user, or users after the moments' own.
TEST(LinearNormRelu, Moments) {
  const auto op = [](Tape64& tape, const std::vector<Var64>& x) {
    return linear_norm_relu_moments(tape, {x[0], x[1]}, x[2], normed_extras(x), kLinearEps,
                                    kMomentsEps);
  };
  for (const NormedShape& s : kNormedShapes) {
    SCOPED_TRACE(testing::Message() << s.U << "," << s.C << "," << s.Co << "," << s.B);
    const auto leaves = normed_leaves(s.U, s.C, s.Co, s.B);
    check_op(
        [&](Tape64& tape, const std::vector<Var64>& x) { return as_read(tape, op(tape, x).n); },
        leaves, [](const auto& x) { return normed(x).values; });
    check_op([&](Tape64& tape, const std::vector<Var64>& x) { return op(tape, x).over_batch; },
             leaves, over_batch);
    check_op([&](Tape64& tape, const std::vector<Var64>& x) { return op(tape, x).over_units; },
             leaves, over_units);
    check_op(
        [&](Tape64& tape, const std::vector<Var64>& x) {
          const NormedBatch<double> all = op(tape, x);
          const Var64 n = as_read(tape, all.n);
          const int U = n.units(), Co = n.channels(), B = n.examples();
          const Var64 flat = reshape(n, U * Co, 1, B);
          const Var64 units = reshape(all.over_units, 2 * Co, 1, B);
          const Var64 batch = reshape(all.over_batch, 2 * Co, 1, U);
          // [2Co,U Co] and then [U,U Co]: every moment meets every value.
          return matmul(tape, batch, true, matmul(tape, units, false, flat, true), false);
        },
        leaves,
        [&](const auto& x) {
          const Leaf n = normed(x);
          const Values units = over_units(x), batch = over_batch(x);
          const int rows = n.units * n.channels, two = 2 * n.channels;
          Values y;
          for (int u = 0; u < n.units; ++u)
            for (int i = 0; i < rows; ++i) {
              double sum = 0;
              for (int c = 0; c < two; ++c)
                for (int b = 0; b < n.examples; ++b)
                  sum += batch[static_cast<std::size_t>(c * n.units + u)] *
                         units[static_cast<std::size_t>(c * n.examples + b)] *
                         n.values[static_cast<std::size_t>(i * n.examples + b)];
              y.push_back(sum);
            }
          return y;
        });
  }
}

// Of a size that differences would take long for.
TEST(LinearNormRelu, EqualsTheOperationsOneByOne) {
  constexpr int kU = 25, kC = 3, kCo = 5, kB = 270;
  const std::vector<Leaf> leaves = {random_leaf(kU, kC, kB, 1), random_matrix(kC, kCo, 2),
                                    random_leaf(1, kCo, kB, 3)};
  const auto run = [&](bool fused) {
    Tape64 tape;
    Values value;
    auto bars = adjoints(
        tape,
        [&](Tape64& t, const std::vector<Var64>& x) {
          LinearExtras<double> extras;
          extras.example_offset = &x[2];
          if (fused) {
            const auto all =
                linear_norm_relu_moments(t, {x[0]}, x[1], extras, kLinearEps, kMomentsEps);
            const Var64 n = as_read(t, all.n), again = as_read(t, all.n);
            return gate_add(t, n, slice_channels(n, 0, 1), again);
          }
          const Var64 n = norm_relu(t, linear(t, {x[0]}, x[1], extras), kLinearEps);
          return gate_add(t, n, slice_channels(n, 0, 1), n);
        },
        leaves, {}, &value);
    bars.push_back(value);
    return bars;
  };
  const auto fused = run(true), plain = run(false);
  for (std::size_t i = 0; i < plain.size(); ++i) expect_close(fused[i], plain[i], 1e-11, "bar");
}

TEST(LinearNormRelu, MeanFarFromZero) {
  Leaf bias = random_matrix(1, 2, 7);
  for (double& value : bias.values) value += 1e6;
  std::vector<Leaf> leaves = normed_leaves(3, 2, 2, 17);
  leaves[3] = bias;
  Tape64 tape;
  const Values far = value_of(
      tape,
      [](Tape64& t, const std::vector<Var64>& x) {
        return as_read(t, linear_norm_relu(t, {x[0], x[1]}, x[2], normed_extras(x), kLinearEps));
      },
      leaves);
  // The bias falls out; values near 1e6 carry errors of 1e-10.
  leaves[3].values = {0, 0};
  expect_close(far, normed(leaves).values, 1e-8, "value");
}

}  // namespace
}  // namespace metaplastic
