#include "neighbours/views.h"

#include <cmath>
#include <vector>

#include "base/error.h"
#include "neighbours/constants.h"

namespace metaplastic {
namespace {

// sqrt of the mean over inputs of their variance over the batch.
double deviation_of(std::span<const float> batch, std::size_t U, std::size_t B) {
  double variance = 0;
  for (std::size_t u = 0; u < U; ++u) {
    double sum = 0, square = 0;
    for (const float x : batch.subspan(u * B, B)) sum += static_cast<double>(x);
    const double mean = sum / static_cast<double>(B);
    for (const float x : batch.subspan(u * B, B))
      square += std::pow(static_cast<double>(x) - mean, 2);
    variance += square / static_cast<double>(B * U);
  }
  return std::sqrt(variance);
}

}  // namespace

void add_second_views(std::span<const float> batch, const NeighbourPool& pool,
                      std::span<const std::size_t> places, int num_inputs, Random random,
                      std::span<float> views) {
  const auto U = static_cast<std::size_t>(num_inputs);
  METAPLASTIC_CHECK(U >= 1 && !batch.empty() && batch.size() % U == 0 &&
                    views.size() == 2 * batch.size());
  const std::span<const float> others = pool.examples();
  const std::size_t B = batch.size() / U, P = others.size() / U;
  const auto noise = static_cast<float>((P > 0 ? pool.noise() : kNeighbourhood.view_noise) *
                                        deviation_of(batch, U, B));
  std::vector<std::size_t> partners(B, P);
  if (P > 0) partners = pool.walk(batch, places, random);
  for (std::size_t u = 0; u < U; ++u) {
    for (std::size_t b = 0; b < B; ++b) {
      const float x = batch[u * B + b];
      views[2 * u * B + b] = x;
      const float other = partners[b] < P ? others[u * P + partners[b]] : x;
      views[(2 * u + 1) * B + b] = other + noise * random.normal();
    }
  }
}

}  // namespace metaplastic
