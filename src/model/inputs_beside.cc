#include "model/inputs_beside.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace metaplastic {
namespace {

// Sum over columns of the variance; rows [N,F].
double total_variance(std::span<const float> rows, std::int64_t num_rows) {
  const std::size_t F = rows.size() / static_cast<std::size_t>(num_rows);
  std::vector<double> mean(F, 0);
  for (std::size_t row = 0; row < rows.size(); row += F)
    for (std::size_t u = 0; u < F; ++u) mean[u] += static_cast<double>(rows[row + u]);
  for (double& value : mean) value /= static_cast<double>(num_rows);
  double total = 0;
  for (std::size_t row = 0; row < rows.size(); row += F)
    for (std::size_t u = 0; u < F; ++u) {
      const double off = static_cast<double>(rows[row + u]) - mean[u];
      total += off * off;
    }
  return total / static_cast<double>(num_rows);
}

}  // namespace

float input_scale(std::span<const float> features, std::span<const float> inputs,
                  std::int64_t num_rows) {
  const double of_features = total_variance(features, num_rows);
  const double of_inputs = total_variance(inputs, num_rows);
  if (!(of_inputs > 0) || !(of_features > 0)) return 1;
  return static_cast<float>(std::sqrt(of_features / of_inputs));
}

void put_beside(std::span<const float> inputs, float scale, std::span<const float> features,
                std::int64_t num_rows, std::span<float> out) {
  const auto N = static_cast<std::size_t>(num_rows);
  const std::size_t U = inputs.size() / N, F = features.size() / N;
  METAPLASTIC_CHECK(out.size() == N * (U + F));
  for (std::size_t n = 0; n < N; ++n) {
    float* row = out.data() + n * (U + F);
    for (std::size_t u = 0; u < U; ++u) row[u] = inputs[n * U + u] * scale;
    std::copy_n(features.data() + n * F, F, row + U);
  }
}

}  // namespace metaplastic
