#include "rule/views.h"

#include <cmath>
#include <vector>

#include "base/error.h"
#include "rule/constants.h"

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

// off(s seen^T / B) seen / sqrt(U), [U,1,B] each: what other units have in common with a unit.
template <class T>
Var<T> in_common(Tape<T>& tape, const Var<T>& s, const Var<T>& seen) {
  const int U = s.units(), B = s.examples();
  const T per_example = T(1) / T(B), share = T(1) / std::sqrt(T(U));
  if (U > 8 * B) {  // (s seen^T) seen = s (seen^T seen) is far less work then
    const Var<T> products = matmul(tape, seen, true, seen, false, per_example);  // [B,B]
    return combine(tape, T(1), matmul(tape, s, false, products, false, share), T(1),
                   scale_by_dots(tape, s, seen, seen, -per_example * share));
  }
  // Symmetric; with the partner's, since every pair counts both ways.
  const Var<T> corr = matmul(tape, s, false, seen, true, per_example);  // [U,U]
  return matmul(tape, off_diagonal(tape, corr, share), false, seen, false);
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
  const auto noise =
      static_cast<float>((P > 0 ? pool.noise() : kRule.view_noise) * deviation_of(batch, U, B));
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

template <class T>
ViewSignals<T> view_signals(Tape<T>& tape, const Var<T>& s, OtherUnits others) {
  const Var<T> partner = swap_halves(tape, s);
  const Var<T> common = in_common(tape, s, others == OtherUnits::kPartner ? partner : s);
  return {regress_out(tape, partner, s), regress_out(tape, common, s)};
}

template ViewSignals<float> view_signals(Tape<float>&, const Var<float>&, OtherUnits);
template ViewSignals<double> view_signals(Tape<double>&, const Var<double>&, OtherUnits);

}  // namespace metaplastic
