#include "neighbours/sparse_inputs.h"

#include <algorithm>
#include <cstddef>

#include "base/error.h"
#include "neighbours/constants.h"

namespace metaplastic {
namespace {

// Of the variance of values that are not all equal.
double share_above_mean(std::span<const float> values) {
  double mean = 0;
  for (const float value : values) mean += static_cast<double>(value);
  mean /= static_cast<double>(values.size());
  double above = 0, variance = 0;
  for (const float value : values) {
    const double off = static_cast<double>(value) - mean;
    variance += off * off;
    if (off > 0) above += off * off;
  }
  return above / variance;
}

}  // namespace

bool are_sparse(std::span<const float> x, int num_inputs) {
  const auto U = static_cast<std::size_t>(num_inputs);
  METAPLASTIC_CHECK(U >= 1 && !x.empty() && x.size() % U == 0);
  const std::size_t N = x.size() / U;
  double sum = 0;
  int num_varying = 0;
  for (std::size_t row = 0; row < x.size(); row += N) {
    const std::span<const float> values = x.subspan(row, N);
    if (std::ranges::all_of(values, [&](float value) { return value == values[0]; })) continue;
    sum += share_above_mean(values);
    ++num_varying;
  }
  return sum > kNeighbourhood.sparse_inputs * num_varying;
}

}  // namespace metaplastic
