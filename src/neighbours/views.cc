#include "neighbours/views.h"

#include <algorithm>
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
                      std::span<const std::size_t> nearest, int num_inputs, Random random,
                      std::span<float> views, std::span<const float> given_partners) {
  const auto U = static_cast<std::size_t>(num_inputs);
  METAPLASTIC_CHECK(U >= 1 && !batch.empty() && batch.size() % U == 0 &&
                    views.size() == 2 * batch.size());
  const std::size_t B = batch.size() / U, P = pool.examples().size() / U;
  METAPLASTIC_CHECK(nearest.empty() || nearest.size() == B * kChoices);
  const auto noise = static_cast<float>(
      (P > 0 ? pool.settings().noise : kNeighbourhood.view_noise) * deviation_of(batch, U, B));
  std::vector<const float*> partners(B);  // [U] each; null: the example itself
  METAPLASTIC_CHECK(given_partners.empty() || given_partners.size() == batch.size());
  for (std::size_t b = 0; b < B && !given_partners.empty(); ++b)
    partners[b] = given_partners.data() + b * U;
  if (P > 0 && given_partners.empty()) {
    const std::vector<std::size_t> ends =
        nearest.empty() ? pool.walk(pool.nearest(batch), random) : pool.walk(nearest, random);
    for (std::size_t b = 0; b < B; ++b)
      partners[b] = ends[b] < P ? pool.row(ends[b]).data() : nullptr;
  }
  // One piece of the inputs per thread, in pairs, so that each begins with a pair of normals. It
  // passes over those of the pieces before it: n normals take n words.
  const auto fill = [&](std::size_t first, std::size_t last) {
    Random normals = random;
    for (std::size_t n = 0; n < first * B; ++n) normals.next_u32();
    for (std::size_t u = first; u < last; ++u) {
      for (std::size_t b = 0; b < B; ++b) {
        const float x = batch[u * B + b];
        views[2 * u * B + b] = x;
        const float other = partners[b] ? partners[b][u] : x;
        views[(2 * u + 1) * B + b] = other + noise * normals.normal();
      }
    }
  };
  if (pool.threads() == nullptr) {
    fill(0, U);
    return;
  }
  const std::size_t pairs = (U + 1) / 2;
  const std::size_t pieces =
      std::min(pairs, static_cast<std::size_t>(pool.threads()->num_threads()));
  pool.threads()->parallel_for(static_cast<int>(pieces), [&](int, int piece) {
    const auto start = [&](int n) {
      return std::min(U, 2 * (pairs * static_cast<std::size_t>(n) / pieces));
    };
    fill(start(piece), start(piece + 1));
  });
}

}  // namespace metaplastic
