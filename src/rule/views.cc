#include "rule/views.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "rule/constants.h"
#include "tensor/blas.h"

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

bool equal_columns(std::span<const float> a, std::size_t i, std::size_t num_a,
                   std::span<const float> b, std::size_t j, std::size_t num_b) {
  for (std::size_t u = 0; u * num_a < a.size(); ++u)
    if (a[u * num_a + i] != b[u * num_b + j]) return false;
  return true;
}

// For each column of batch [U,B] the index of the nearest column of pool [U,P] that differs from
// it; P where none does.
std::vector<std::size_t> nearest_others(std::span<const float> batch, std::span<const float> pool,
                                        std::size_t U) {
  const std::size_t B = batch.size() / U, P = pool.size() / U;
  const auto b_columns = static_cast<std::ptrdiff_t>(B), p_columns = static_cast<std::ptrdiff_t>(P);
  std::vector<float> squares(P), distances(B * P);  // distances less |x|^2
  for (std::size_t u = 0; u < U; ++u)
    for (std::size_t p = 0; p < P; ++p) squares[p] += pool[u * P + p] * pool[u * P + p];
  gemm(true, false, static_cast<int>(B), static_cast<int>(P), static_cast<int>(U), -2.0f,
       batch.data(), b_columns, pool.data(), p_columns, 0.0f, distances.data(), p_columns);
  std::vector<std::size_t> nearest(B, P);
  for (std::size_t b = 0; b < B; ++b) {
    float least = std::numeric_limits<float>::infinity();
    for (std::size_t p = 0; p < P; ++p) {
      const float distance = distances[b * P + p] + squares[p];
      if (distance >= least || equal_columns(batch, b, B, pool, p, P)) continue;
      least = distance;
      nearest[b] = p;
    }
  }
  return nearest;
}

}  // namespace

void add_second_views(std::span<const float> batch, std::span<const float> pool, int num_inputs,
                      Random random, std::span<float> views) {
  const auto U = static_cast<std::size_t>(num_inputs);
  METAPLASTIC_CHECK(U >= 1 && !batch.empty() && batch.size() % U == 0 && pool.size() % U == 0 &&
                    views.size() == 2 * batch.size());
  const std::size_t B = batch.size() / U, P = pool.size() / U;
  const auto noise = static_cast<float>((P > 0 ? kRule.neighbour_noise : kRule.view_noise) *
                                        deviation_of(batch, U, B));
  std::vector<std::size_t> nearest(B, P);
  if (P > 0) nearest = nearest_others(batch, pool, U);
  for (std::size_t u = 0; u < U; ++u) {
    for (std::size_t b = 0; b < B; ++b) {
      const float x = batch[u * B + b];
      views[2 * u * B + b] = x;
      const float other = nearest[b] < P ? pool[u * P + nearest[b]] : x;
      views[(2 * u + 1) * B + b] = other + noise * random.normal();
    }
  }
}

template <class T>
ViewSignals<T> view_signals(Tape<T>& tape, const Var<T>& s) {
  const Var<T> partner = swap_halves(tape, s);
  // Symmetric, since every pair counts both ways.
  const Var<T> corr = matmul(tape, s, false, partner, true, T(1) / T(s.examples()));  // [U,U]
  const Var<T> others = off_diagonal(tape, corr, T(1) / std::sqrt(T(s.units())));
  return {regress_out(tape, partner, s),
          regress_out(tape, matmul(tape, others, false, partner, false), s)};
}

template ViewSignals<float> view_signals(Tape<float>&, const Var<float>&);
template ViewSignals<double> view_signals(Tape<double>&, const Var<double>&);

}  // namespace metaplastic
