// Convolutions and the norm behind them: values against naive loops, adjoints against differences.
#include "tensor/conv.h"
#include "tensor/gradient_check.h"

namespace metaplastic {
namespace {

constexpr double kConvEps = 0.01;

// The convolution by its formula; bias may be empty.
Leaf naive_conv(Axis axis, const Leaf& x, const Leaf& a, const Values& bias) {
  const int taps = a.units / x.channels, half = (taps - 1) / 2, Co = a.examples;
  Leaf y{x.units, Co, x.examples, {}};
  for (int u = 0; u < x.units; ++u)
    for (int co = 0; co < Co; ++co)
      for (int b = 0; b < x.examples; ++b) {
        double sum = bias.empty() ? 0 : bias[std::size_t(co)];
        for (int t = 0; t < taps; ++t) {
          const int at_u = axis == Axis::kUnits ? u + t - half : u;
          const int at_b = axis == Axis::kExamples ? b + t - half : b;
          if (at_u < 0 || at_u >= x.units || at_b < 0 || at_b >= x.examples) continue;
          for (int ci = 0; ci < x.channels; ++ci)
            sum += a.at(t * x.channels + ci, co) * x.at(at_u, ci, at_b);
        }
        y.values.push_back(sum);
      }
  return y;
}

// (y - mean) / sqrt(var + eps) + offset of the channel.
Leaf naive_norm(const Leaf& y, const Leaf& offset, NormOver over) {
  const auto same = [&](int u, int c, int u2, int c2) {
    return over == NormOver::kLayer ? c == c2 : u == u2;
  };
  Leaf n{y.units, y.channels, y.examples, {}};
  for (int u = 0; u < y.units; ++u)
    for (int c = 0; c < y.channels; ++c) {
      double sum = 0, square = 0, count = 0;
      for (int u2 = 0; u2 < y.units; ++u2)
        for (int c2 = 0; c2 < y.channels; ++c2)
          for (int b = 0; same(u, c, u2, c2) && b < y.examples; ++b) {
            sum += y.at(u2, c2, b), square += y.at(u2, c2, b) * y.at(u2, c2, b), count += 1;
          }
      const double mean = sum / count,
                   deviation = std::sqrt(square / count - mean * mean + kConvEps);
      for (int b = 0; b < y.examples; ++b)
        n.values.push_back((y.at(u, c, b) - mean) / deviation + offset.at(0, c));
    }
  return n;
}

Leaf relu(Leaf x) {
  for (double& value : x.values) value = std::max(0.0, value);
  return x;
}

Leaf added(Leaf x, const Leaf& y) {
  for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] += y.values[i];
  return x;
}

Leaf swapped(const Leaf& x) {
  Leaf y{x.channels, x.units, x.examples, {}};
  for (int c = 0; c < x.channels; ++c)
    for (int u = 0; u < x.units; ++u)
      for (int b = 0; b < x.examples; ++b) y.values.push_back(x.at(u, c, b));
  return y;
}

Leaf beside(const Leaf& x, const Leaf& y) {
  Leaf z{x.units, x.channels + y.channels, x.examples, {}};
  for (int u = 0; u < x.units; ++u)
    for (const Leaf* part : {&x, &y})
      for (int c = 0; c < part->channels; ++c)
        for (int b = 0; b < x.examples; ++b) z.values.push_back(part->at(u, c, b));
  return z;
}

TEST(ConvTest, BothAxesOddShapesAndTwoPieces) {
  // More units than a block; batches shorter than the filter.
  const struct {
    Axis axis;
    int taps, U, C1, C2, B, Co;
  } shapes[] = {{Axis::kExamples, 5, 2, 1, 2, 9, 3}, {Axis::kExamples, 3, 1, 2, 1, 1, 2},
                {Axis::kUnits, 3, 19, 1, 1, 2, 2},   {Axis::kUnits, 3, 1, 2, 1, 3, 2},
                {Axis::kExamples, 1, 9, 1, 2, 3, 2}, {Axis::kUnits, 5, 2, 1, 1, 3, 2}};
  for (const auto& s : shapes) {
    SCOPED_TRACE(testing::Message() << "taps " << s.taps << " U " << s.U << " B " << s.B);
    const int inputs = s.C1 + s.C2;
    check_op(
        [&](Tape64& tape, const std::vector<Var64>& in) {
          return conv<double>(tape, s.axis, {in[0], in[1]}, in[2], in[3]);
        },
        {random_leaf(s.U, s.C1, s.B, 1), random_leaf(s.U, s.C2, s.B, 2),
         random_matrix(s.taps * inputs, s.Co, 3), random_matrix(1, s.Co, 4)},
        [&](const std::vector<Leaf>& in) {
          return naive_conv(s.axis, beside(in[0], in[1]), in[2], in[3].values).values;
        });
  }
}

TEST(ConvTest, SomeColumnsOfTheMatrix) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& in) {
        return conv<double>(tape, Axis::kExamples, {in[0]}, in[1], in[2], 1, 2);
      },
      {random_leaf(3, 2, 5, 1), random_matrix(6, 4, 2), random_matrix(1, 4, 3)},
      [](const std::vector<Leaf>& in) {
        const Leaf y = naive_conv(Axis::kExamples, in[0], in[1], in[2].values);
        Values part;
        for (int u = 0; u < 3; ++u)
          for (int c = 1; c < 3; ++c)
            for (int b = 0; b < 5; ++b) part.push_back(y.at(u, c, b));
        return part;
      });
}

// A chain in which every way of reading a normed value occurs: alone, summed, transposed, twice.
TEST(ConvTest, NormedValuesAreReadAsIfTheyWereStored) {
  for (const NormOver over : {NormOver::kLayer, NormOver::kUnit}) {
    SCOPED_TRACE(over == NormOver::kLayer ? "layer" : "unit");
    check_op(
        [&](Tape64& tape, const std::vector<Var64>& in) {
          const Normed<double> first =
              conv_norm_relu<double>(tape, Axis::kExamples, {in[0]}, in[1], in[2], kConvEps, over);
          const Normed<double> second =
              conv_norm_relu<double>(tape, Axis::kUnits, {first}, in[3], in[4], kConvEps, over);
          const Normed<double> third = conv_norm_relu<double>(
              tape, Axis::kExamples, {first, second}, in[3], in[2], kConvEps, over);
          return swap_units_and_channels(tape, third);
        },
        {random_leaf(10, 1, 4, 1), random_matrix(3, 2, 2), random_matrix(1, 2, 3),
         random_matrix(6, 2, 4), random_matrix(1, 2, 5)},
        [&](const std::vector<Leaf>& in) {
          const Leaf first =
              relu(naive_norm(naive_conv(Axis::kExamples, in[0], in[1], {}), in[2], over));
          const Leaf second =
              relu(naive_norm(naive_conv(Axis::kUnits, first, in[3], {}), in[4], over));
          const Leaf third = relu(naive_norm(
              naive_conv(Axis::kExamples, added(first, second), in[3], {}), in[2], over));
          return swapped(third).values;
        });
  }
}

TEST(ConvTest, ConcatNormHasNoRelu) {
  for (const NormOver over : {NormOver::kLayer, NormOver::kUnit}) {
    check_op(
        [&](Tape64& tape, const std::vector<Var64>& in) {
          return concat_norm<double>(tape, {in[0], in[1]}, in[2], kConvEps, over);
        },
        {random_leaf(3, 2, 5, 1), random_leaf(3, 1, 5, 2), random_matrix(1, 3, 3)},
        [&](const std::vector<Leaf>& in) {
          return naive_norm(beside(in[0], in[1]), in[2], over).values;
        });
  }
}

}  // namespace
}  // namespace metaplastic
