// Operations on neuron batches [U,C,B]: values against formulas, adjoints against differences
// (gradient_check.h).
#include "tensor/gradient_check.h"

namespace metaplastic {
namespace {

constexpr double kNeuronEps = 1e-2;

struct Shape {
  int U, C, B;
};
constexpr Shape kShapes[] = {{1, 1, 1}, {1, 3, 2}, {3, 1, 9}, {2, 5, 3}, {3, 2, 17}};

// Runs an operation of one batch on whole values of odd shapes and on a slice of channels; twice
// on overlapping slices too, where bars must add up.
void check_batch_op(const std::function<Var64(Tape64&, const Var64&)>& op,
                    const std::function<Values(const Leaf&)>& naive, bool one_channel) {
  for (const Shape& s : kShapes) {
    if (one_channel && s.C != 1) continue;
    SCOPED_TRACE(testing::Message() << s.U << "," << s.C << "," << s.B);
    check_op([&](Tape64& tape, const std::vector<Var64>& x) { return op(tape, x[0]); },
             {random_leaf(s.U, s.C, s.B, 1)}, [&](const auto& x) { return naive(x[0]); });
  }
  const int count = one_channel ? 1 : 2;
  check_op(
      [&](Tape64& tape, const std::vector<Var64>& x) {
        const Var64 a = op(tape, slice_channels(x[0], 1, count));
        const Var64 b = op(tape, slice_channels(x[0], 4 - count, count));
        return multiply(tape, a, b);
      },
      {random_leaf(3, 4, 5, 2)},
      [&](const auto& x) {
        Values a = naive(channels_of(x[0], 1, count));
        const Values b = naive(channels_of(x[0], 4 - count, count));
        for (std::size_t i = 0; i < a.size(); ++i) a[i] *= b[i];
        return a;
      });
}

struct RowMoments {
  double mean = 0, deviation = 0;
};
RowMoments moments(const Values& values) {
  RowMoments m;
  double square = 0;
  for (const double value : values) m.mean += value / double(values.size());
  for (const double value : values)
    square += (value - m.mean) * (value - m.mean) / double(values.size());
  m.deviation = std::sqrt(square + kNeuronEps);
  return m;
}

Values row_of(const Leaf& x, int u, int c) {
  Values row;
  for (int b = 0; b < x.examples; ++b) row.push_back(x.at(u, c, b));
  return row;
}

TEST(Standardise, ValueAndAdjoint) {
  check_batch_op([](Tape64& tape, const Var64& x) { return standardise(tape, x, kNeuronEps); },
                 [](const Leaf& x) {
                   Values y;
                   for (int u = 0; u < x.units; ++u) {
                     const RowMoments m = moments(row_of(x, u, 0));
                     for (int b = 0; b < x.examples; ++b)
                       y.push_back((x.at(u, 0, b) - m.mean) / m.deviation);
                   }
                   return y;
                 },
                 true);
}

TEST(MeanOverBatch, ValueAndAdjoint) {
  check_batch_op([](Tape64& tape, const Var64& x) { return mean_over_batch(tape, x); },
                 [](const Leaf& x) {
                   Values y;
                   for (int u = 0; u < x.units; ++u) y.push_back(moments(row_of(x, u, 0)).mean);
                   return y;
                 },
                 true);
}

TEST(MomentsOverBatch, ValueAndAdjoint) {
  check_batch_op(
      [](Tape64& tape, const Var64& x) { return moments_over_batch(tape, x, kNeuronEps); },
      [](const Leaf& x) {
        Values y;
        for (int u = 0; u < x.units; ++u) {
          for (int c = 0; c < x.channels; ++c) y.push_back(moments(row_of(x, u, c)).mean);
          for (int c = 0; c < x.channels; ++c) y.push_back(moments(row_of(x, u, c)).deviation);
        }
        return y;
      },
      false);
}

TEST(MomentsOverUnits, ValueAndAdjoint) {
  check_batch_op(
      [](Tape64& tape, const Var64& x) { return moments_over_units(tape, x, kNeuronEps); },
      [](const Leaf& x) {
        Values means, deviations;
        for (int c = 0; c < x.channels; ++c)
          for (int b = 0; b < x.examples; ++b) {
            Values column;
            for (int u = 0; u < x.units; ++u) column.push_back(x.at(u, c, b));
            means.push_back(moments(column).mean);
            deviations.push_back(moments(column).deviation);
          }
        means.insert(means.end(), deviations.begin(), deviations.end());
        return means;
      },
      false);
}

TEST(RmsChannels, ValueAndAdjoint) {
  check_batch_op([](Tape64& tape, const Var64& x) { return rms_channels(tape, x, kNeuronEps); },
                 [](const Leaf& x) {
                   Values y;
                   for (int u = 0; u < x.units; ++u)
                     for (int c = 0; c < x.channels; ++c)
                       for (int b = 0; b < x.examples; ++b) {
                         double square = 0;
                         for (int k = 0; k < x.channels; ++k)
                           square += std::pow(x.at(u, k, b), 2) / x.channels;
                         y.push_back(x.at(u, c, b) / std::sqrt(square + kNeuronEps));
                       }
                   return y;
                 },
                 false);
}

Values normalised_relu(const Leaf& x, const Leaf* offset) {
  std::vector<RowMoments> per_channel;
  for (int c = 0; c < x.channels; ++c) per_channel.push_back(moments(channels_of(x, c, 1).values));
  Values y;
  for (int u = 0; u < x.units; ++u)
    for (int c = 0; c < x.channels; ++c)
      for (int b = 0; b < x.examples; ++b) {
        const RowMoments& m = per_channel[static_cast<std::size_t>(c)];
        const double shift = offset ? offset->values[static_cast<std::size_t>(c)] : 0;
        y.push_back(std::max(0.0, (x.at(u, c, b) - m.mean) / m.deviation + shift));
      }
  return y;
}

TEST(NormRelu, WithoutOffset) {
  const auto op = [](Tape64& tape, const std::vector<Var64>& x) {
    return norm_relu(tape, x[0], kNeuronEps);
  };
  for (const Shape& s : kShapes) {
    if (s.U * s.B == 1) continue;  // a lone element sits on the kink
    SCOPED_TRACE(testing::Message() << s.U << "," << s.C << "," << s.B);
    check_op(op, {random_leaf(s.U, s.C, s.B, 1)},
             [](const auto& x) { return normalised_relu(x[0], nullptr); });
  }
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        return norm_relu(tape, slice_channels(x[0], 1, 2), kNeuronEps);
      },
      {random_leaf(3, 4, 5, 2)},
      [](const auto& x) { return normalised_relu(channels_of(x[0], 1, 2), nullptr); });
}

TEST(NormRelu, WithOffset) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(testing::Message() << s.U << "," << s.C << "," << s.B);
    check_op([](Tape64& tape,
                const std::vector<Var64>& x) { return norm_relu(tape, x[0], kNeuronEps, &x[1]); },
             {random_leaf(s.U, s.C, s.B, 1), random_matrix(1, s.C, 2)},
             [](const auto& x) { return normalised_relu(x[0], &x[1]); });
  }
}

// A mean a thousand times the spread costs no more than the digits of the input.
TEST(NormRelu, MeanFarFromZero) {
  Leaf x = random_leaf(3, 2, 9, 1);
  const Values near = normalised_relu(x, nullptr);
  for (double& value : x.values) value += 1000;
  Tape64 tape;
  const Values far = value_of(
      tape, [](Tape64& t, const std::vector<Var64>& v) { return norm_relu(t, v[0], kNeuronEps); },
      {x});
  expect_close(far, near, 1e-11, "value");
}

TEST(AddUnitBias, RowAndColumnBias) {
  for (const bool as_row : {false, true}) {
    check_op(
        [](Tape64& tape, const std::vector<Var64>& x) { return add_unit_bias(tape, x[0], x[1]); },
        {random_leaf(3, 1, 5, 1), as_row ? random_matrix(1, 3, 2) : random_matrix(3, 1, 2)},
        [](const auto& x) {
          Values y = x[0].values;
          for (std::size_t i = 0; i < y.size(); ++i) y[i] += x[1].values[i / 5];
          return y;
        });
  }
}

TEST(GateAdd, ValueAndAdjoint) {
  const auto naive = [](const Leaf& x, const Leaf& gate, const Leaf& z) {
    Values y;
    for (int u = 0; u < x.units; ++u)
      for (int c = 0; c < x.channels; ++c)
        for (int b = 0; b < x.examples; ++b)
          y.push_back(x.at(u, c, b) * gate.at(u, 0, b) + z.at(u, c, b));
    return y;
  };
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(testing::Message() << s.U << "," << s.C << "," << s.B);
    check_op(
        [](Tape64& tape, const std::vector<Var64>& x) { return gate_add(tape, x[0], x[1], x[2]); },
        {random_leaf(s.U, s.C, s.B, 1), random_leaf(s.U, 1, s.B, 2), random_leaf(s.U, s.C, s.B, 3)},
        [&](const auto& x) { return naive(x[0], x[1], x[2]); });
  }
  // All three inputs from one value: slices, the same value twice, a channel as the gate.
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        const Var64 whole = slice_channels(x[0], 1, 3);
        return gate_add(tape, whole, slice_channels(x[0], 2, 1), whole);
      },
      {random_leaf(3, 4, 5, 4)},
      [&](const auto& x) {
        const Leaf whole = channels_of(x[0], 1, 3);
        return naive(whole, channels_of(x[0], 2, 1), whole);
      });
}

}  // namespace
}  // namespace metaplastic
