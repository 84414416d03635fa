#include "tensor/gradient_check.h"
#include "tensor/released.h"

namespace metaplastic {
namespace {

Values four_statistics(const Leaf& w, bool incoming, int u) {
  const int n = incoming ? w.units : w.examples;
  double l1 = 0, square = 0, sum = 0, spread = 0;
  const auto at = [&](int i) { return incoming ? w.at(i, u) : w.at(u, i); };
  for (int i = 0; i < n; ++i) l1 += std::abs(at(i)), square += at(i) * at(i), sum += at(i);
  for (int i = 0; i < n; ++i) spread += std::pow(at(i) - sum / n, 2);
  return {l1 / n, std::sqrt(square / n + 0.1), sum / n, std::sqrt(spread / n + 0.2)};
}

TEST(ReleasedOpsTest, WeightMomentsOfBothSidesOrOneTwice) {
  check_op(
      [](Tape64& tape, const std::vector<Var64>& in) {
        return weight_moments(tape, &in[0], &in[1], 0.1, 0.2);
      },
      {random_matrix(3, 2, 1), random_matrix(2, 4, 2)},
      [](const std::vector<Leaf>& in) {
        Values values;
        for (int u = 0; u < 2; ++u)
          for (const bool incoming : {true, false}) {
            const Values four = four_statistics(in[incoming ? 0 : 1], incoming, u);
            values.insert(values.end(), four.begin(), four.end());
          }
        return values;
      });
  for (const bool incoming : {true, false}) {
    check_op(
        [&](Tape64& tape, const std::vector<Var64>& in) {
          return weight_moments(tape, incoming ? &in[0] : nullptr, incoming ? nullptr : &in[0], 0.1,
                                0.2);
        },
        {random_matrix(3, 3, 1)},
        [&](const std::vector<Leaf>& in) {
          Values values;
          for (int u = 0; u < 3; ++u)
            for (int twice = 0; twice < 2; ++twice) {
              const Values four = four_statistics(in[0], incoming, u);
              values.insert(values.end(), four.begin(), four.end());
            }
          return values;
        });
  }
}

TEST(ReleasedOpsTest, RemoveShrinkingWholeTakesAwayOnlyWhatShrinks) {
  for (const float low : {-1.0f, 0.2f}) {  // step and w mixed; step along w
    for (const double sign : {1.0, -1.0}) {
      Leaf step = random_matrix(3, 4, 1, low);
      for (double& value : step.values) value *= sign;
      check_op(
          [](Tape64& tape, const std::vector<Var64>& in) {
            return remove_shrinking_whole(tape, in[0], in[1]);
          },
          {step, random_matrix(3, 4, 2, low)},
          [](const std::vector<Leaf>& in) {
            double along = 0;
            for (std::size_t i = 0; i < 12; ++i) along += in[0].values[i] * in[1].values[i] / 12;
            Values values = in[0].values;
            for (std::size_t i = 0; i < 12; ++i)
              values[i] -= std::max(0.0, along) * in[1].values[i];
            return values;
          });
    }
  }
}

TEST(ReleasedOpsTest, AddScalar) {
  check_op([](Tape64& tape,
              const std::vector<Var64>& in) { return add_scalar(tape, in[0], in[1], 3.0); },
           {random_matrix(3, 5, 1), random_matrix(1, 1, 2)},
           [](const std::vector<Leaf>& in) {
             Values values = in[0].values;
             for (double& value : values) value += 3 * in[1].values[0];
             return values;
           });
}

TEST(ReleasedOpsTest, RepeatOverExamples) {
  check_op([](Tape64& tape,
              const std::vector<Var64>& in) { return repeat_over_examples(tape, in[0], 3); },
           {random_matrix(4, 2, 1)},
           [](const std::vector<Leaf>& in) {
             Values values;
             for (const double value : in[0].values) values.insert(values.end(), 3, value);
             return values;
           });
}

}  // namespace
}  // namespace metaplastic
