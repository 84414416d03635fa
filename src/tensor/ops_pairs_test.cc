// Operations on batches of pairs: values against formulas, adjoints against differences
// (gradient_check.h).
#include "tensor/gradient_check.h"

namespace metaplastic {
namespace {

TEST(SwapHalves, ValueAndAdjoint) {
  for (const int B : {2, 6, 34}) {
    SCOPED_TRACE(B);
    check_op([](Tape64& tape, const std::vector<Var64>& x) { return swap_halves(tape, x[0]); },
             {random_leaf(3, 1, B, 1)},
             [B](const auto& x) {
               Values y;
               for (int u = 0; u < 3; ++u)
                 for (int b = 0; b < B; ++b) y.push_back(x[0].at(u, 0, (b + B / 2) % B));
               return y;
             });
  }
}

TEST(HalfOf, ValueAndAdjointOfBothHalves) {
  for (const int which : {0, 1}) {
    SCOPED_TRACE(which);
    check_op(
        [which](Tape64& tape, const std::vector<Var64>& x) { return half_of(tape, x[0], which); },
        {random_leaf(3, 1, 10, 1)},
        [which](const auto& x) {
          Values y;
          for (int u = 0; u < 3; ++u)
            for (int b = 0; b < 5; ++b) y.push_back(x[0].at(u, 0, 5 * which + b));
          return y;
        });
  }
}

TEST(SideBySide, ValueAndAdjointOfBothPieces) {
  for (const int B : {1, 7, 16}) {
    SCOPED_TRACE(B);
    check_op([](Tape64& tape,
                const std::vector<Var64>& x) { return side_by_side(tape, x[0], 0.5, x[1]); },
             {random_leaf(3, 1, B, 1), random_leaf(2, 1, B, 2)},
             [B](const auto& x) {
               Values y;
               for (int u = 0; u < 5; ++u)
                 for (int b = 0; b < B; ++b)
                   y.push_back(u < 3 ? 0.5 * x[0].at(u, 0, b) : x[1].at(u - 3, 0, b));
               return y;
             });
  }
}

// As the rule uses it: a value and its own partner.
TEST(RegressOut, ValueAndAdjointWithBothArgumentsOfOneValue) {
  const auto naive = [](const Leaf& x, const Leaf& s) {
    Values y;
    for (int u = 0; u < x.units; ++u) {
      double slope = 0;
      for (int b = 0; b < x.examples; ++b)
        slope += x.at(u, 0, b) * s.at(u, 0, b) / double(x.examples);
      for (int b = 0; b < x.examples; ++b) y.push_back(x.at(u, 0, b) - slope * s.at(u, 0, b));
    }
    return y;
  };
  for (const int B : {1, 4, 18}) {
    SCOPED_TRACE(B);
    check_op(
        [](Tape64& tape, const std::vector<Var64>& x) { return regress_out(tape, x[0], x[1]); },
        {random_leaf(3, 1, B, 1), random_leaf(3, 1, B, 2)},
        [&](const auto& x) { return naive(x[0], x[1]); });
  }
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) {
        return regress_out(tape, swap_halves(tape, x[0]), x[0]);
      },
      {random_leaf(2, 1, 6, 3)},
      [&](const auto& x) {
        Leaf partner = x[0];
        for (int u = 0; u < 2; ++u)
          for (int b = 0; b < 6; ++b)
            partner.values[std::size_t(u * 6 + b)] = x[0].at(u, 0, (b + 3) % 6);
        return naive(partner, x[0]);
      });
}

TEST(Standardise, OfPartsIsThatOfEachPart) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& x) { return standardise(tape, x[0], 0.1, 2); },
      {random_leaf(3, 1, 8, 1)},
      [](const auto& x) {
        Values y;
        for (int row = 0; row < 6; ++row) {
          double mean = 0, square = 0;
          const double* part = x[0].values.data() + row * 4;
          for (int b = 0; b < 4; ++b) mean += part[b] / 4;
          for (int b = 0; b < 4; ++b) square += (part[b] - mean) * (part[b] - mean) / 4;
          for (int b = 0; b < 4; ++b) y.push_back((part[b] - mean) / std::sqrt(square + 0.1));
        }
        return y;
      });
}

}  // namespace
}  // namespace metaplastic
