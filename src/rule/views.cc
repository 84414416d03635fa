#include "rule/views.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "rule/constants.h"
#include "tensor/blas.h"

namespace metaplastic {
namespace {

constexpr auto kChoices = static_cast<std::size_t>(kRule.neighbour_choices);
constexpr std::size_t kBlock = 256;  // columns whose distances to the pool are held at a time

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

// Columns first .. first + num - 1 of x [U,N].
void copy_columns(std::span<const float> x, std::size_t N, std::size_t first, std::size_t num,
                  std::vector<float>& out) {
  out.clear();
  for (std::size_t row = 0; row < x.size(); row += N) {
    const std::span<const float> columns = x.subspan(row + first, num);
    out.insert(out.end(), columns.begin(), columns.end());
  }
}

// Columns of x [U,N] less their mean over the inputs, and of length 1 (0 where all inputs are
// equal).
std::vector<float> shapes_of(std::span<const float> x, std::size_t U) {
  const std::size_t N = x.size() / U;
  std::vector<float> shapes(x.begin(), x.end()), mean(N), square(N);
  for (std::size_t u = 0; u < U; ++u)
    for (std::size_t n = 0; n < N; ++n) mean[n] += x[u * N + n] / static_cast<float>(U);
  for (std::size_t u = 0; u < U; ++u) {
    for (std::size_t n = 0; n < N; ++n) {
      shapes[u * N + n] -= mean[n];
      square[n] += shapes[u * N + n] * shapes[u * N + n];
    }
  }
  for (std::size_t n = 0; n < N; ++n)
    square[n] = 1 / std::sqrt(std::max(square[n], std::numeric_limits<float>::min()));
  for (std::size_t u = 0; u < U; ++u)
    for (std::size_t n = 0; n < N; ++n) shapes[u * N + n] *= square[n];
  return shapes;
}

}  // namespace

NeighbourPool::NeighbourPool(std::span<const float> examples, int num_inputs)
    : examples_(examples), num_inputs_(static_cast<std::size_t>(num_inputs)) {
  const std::size_t U = num_inputs_;
  METAPLASTIC_CHECK(U >= 1 && examples.size() % U == 0);
  by_shape_ = std::ranges::none_of(examples, [](float value) { return value < 0; });
  if (by_shape_) shapes_ = shapes_of(examples, U);
  const std::span<const float> compared = by_shape_ ? shapes_ : examples;
  const std::size_t P = examples.size() / U;
  squares_.resize(P);
  for (std::size_t u = 0; u < U; ++u)
    for (std::size_t p = 0; p < P; ++p) squares_[p] += compared[u * P + p] * compared[u * P + p];
  if (!by_shape_) return;  // walks of one hop start at no example of the pool
  std::vector<float> block;
  for (std::size_t first = 0; first < P; first += kBlock) {
    copy_columns(examples, P, first, std::min(kBlock, P - first), block);
    const std::vector<std::size_t> found = near(block);
    near_.insert(near_.end(), found.begin(), found.end());
  }
}

std::vector<std::size_t> NeighbourPool::near(std::span<const float> batch) const {
  const std::size_t U = num_inputs_, B = batch.size() / U, P = squares_.size();
  std::vector<float> batch_shapes, distances;  // [B,P], squared, less |b|^2: |p|^2 - 2 b p
  if (by_shape_) batch_shapes = shapes_of(batch, U);
  for (std::size_t b = 0; b < B; ++b)
    distances.insert(distances.end(), squares_.begin(), squares_.end());
  const auto b_columns = static_cast<std::ptrdiff_t>(B), p_columns = static_cast<std::ptrdiff_t>(P);
  gemm(true, false, static_cast<int>(B), static_cast<int>(P), static_cast<int>(U), -2.0f,
       by_shape_ ? batch_shapes.data() : batch.data(), b_columns,
       by_shape_ ? shapes_.data() : examples_.data(), p_columns, 1.0f, distances.data(), p_columns);
  std::vector<std::size_t> result(B * kChoices, P);
  std::vector<std::pair<float, std::size_t>> nearest;  // ascending
  for (std::size_t b = 0; b < B; ++b) {
    nearest.clear();
    for (std::size_t p = 0; p < P; ++p) {
      const float distance = distances[b * P + p];
      if (nearest.size() == kChoices && distance >= nearest.back().first) continue;
      if (equal_columns(batch, b, B, examples_, p, P)) continue;
      if (nearest.size() == kChoices) nearest.pop_back();
      const std::pair found(distance, p);
      nearest.insert(std::ranges::upper_bound(nearest, found), found);
    }
    for (std::size_t i = 0; i < kChoices && !nearest.empty(); ++i)
      result[b * kChoices + i] = nearest[i % nearest.size()].second;
  }
  return result;
}

std::vector<std::size_t> NeighbourPool::walk(std::span<const float> batch, Random& random) const {
  const float stop = by_shape_ ? 1.0f / static_cast<float>(kRule.neighbour_hops) : 1.0f;
  const std::vector<std::size_t> starts = near(batch);
  std::vector<std::size_t> ends(starts.size() / kChoices);
  for (std::size_t b = 0; b < ends.size(); ++b) {
    ends[b] = starts[b * kChoices + random.below(kChoices)];
    while (ends[b] < squares_.size() && random.uniform() >= stop)
      ends[b] = near_[ends[b] * kChoices + random.below(kChoices)];
  }
  return ends;
}

void add_second_views(std::span<const float> batch, const NeighbourPool& pool, int num_inputs,
                      Random random, std::span<float> views) {
  const auto U = static_cast<std::size_t>(num_inputs);
  METAPLASTIC_CHECK(U >= 1 && !batch.empty() && batch.size() % U == 0 &&
                    views.size() == 2 * batch.size());
  const std::span<const float> others = pool.examples();
  const std::size_t B = batch.size() / U, P = others.size() / U;
  const auto noise = static_cast<float>((P > 0 ? kRule.neighbour_noise : kRule.view_noise) *
                                        deviation_of(batch, U, B));
  std::vector<std::size_t> partners(B, P);
  if (P > 0) partners = pool.walk(batch, random);
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
  const Var<T>& seen = others == OtherUnits::kPartner ? partner : s;
  // Symmetric; with the partner's, since every pair counts both ways.
  const Var<T> corr = matmul(tape, s, false, seen, true, T(1) / T(s.examples()));  // [U,U]
  const Var<T> between = off_diagonal(tape, corr, T(1) / std::sqrt(T(s.units())));
  return {regress_out(tape, partner, s),
          regress_out(tape, matmul(tape, between, false, seen, false), s)};
}

template ViewSignals<float> view_signals(Tape<float>&, const Var<float>&, OtherUnits);
template ViewSignals<double> view_signals(Tape<double>&, const Var<double>&, OtherUnits);

}  // namespace metaplastic
