#include "neighbours/near_examples.h"

#include <Eigen/Dense>
#include <Eigen/SparseCore>
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "tensor/blas.h"
#include "tensor/leading_space.h"

namespace metaplastic {
namespace {

constexpr std::size_t kBlock = 256;  // examples whose distances to the others are held at a time
constexpr std::size_t kGlance = 64;  // distances of which few are near: the least tells
constexpr int kModes = 16;           // of a graph, that count,
constexpr int kModesBlock = 24;      // and the Krylov space that they are looked for in: a smaller
constexpr int kModesBlocks = 16;     // one misses more of one graph than of another

bool equal_columns(const LocatedExamples& a, std::size_t i, const LocatedExamples& b,
                   std::size_t j) {
  for (std::size_t u = 0; u * a.count() < a.inputs().size(); ++u)
    if (a.inputs()[u * a.count() + i] != b.inputs()[u * b.count() + j]) return false;
  return true;
}

float least_of(std::span<const float> values) {
  return Eigen::Map<const Eigen::ArrayXf>(values.data(), std::ssize(values)).minCoeff();
}

// Of example `i` of `from`, whose distances to the others stand in `distances`: into found
// [kChoices].
void choose_nearest(const LocatedExamples& from, std::size_t i, const LocatedExamples& others,
                    std::span<const float> distances, std::span<std::size_t> found) {
  std::vector<std::pair<float, std::size_t>> nearest;  // ascending
  const auto look_at = [&](std::size_t p) {
    if (nearest.size() == kChoices && distances[p] >= nearest.back().first) return;
    if (equal_columns(from, i, others, p)) return;
    if (nearest.size() == kChoices) nearest.pop_back();
    const std::pair entry(distances[p], p);
    nearest.insert(std::ranges::upper_bound(nearest, entry), entry);
  };
  for (std::size_t first = 0; first < distances.size(); first += kGlance) {
    const std::span<const float> some =
        distances.subspan(first, std::min(kGlance, distances.size() - first));
    if (nearest.size() == kChoices && least_of(some) >= nearest.back().first) continue;
    for (std::size_t p = first; p < first + some.size(); ++p) look_at(p);
  }
  for (std::size_t c = 0; c < kChoices; ++c)
    found[c] = nearest.empty() ? others.count() : nearest[c % nearest.size()].second;
}

// D^-1/2 (A + A^T) D^-1/2
Eigen::SparseMatrix<float, Eigen::RowMajor> walk_matrix(std::span<const std::size_t> near,
                                                        std::size_t P) {
  std::vector<Eigen::Triplet<float>> entries;
  std::vector<float> degrees(P);
  for (std::size_t i = 0; i < near.size(); ++i) {
    const std::size_t p = i / kChoices, q = near[i];
    if (q >= P) continue;
    degrees[p] += 1, degrees[q] += 1;
    entries.emplace_back(static_cast<int>(p), static_cast<int>(q), 1.0f);
    entries.emplace_back(static_cast<int>(q), static_cast<int>(p), 1.0f);
  }
  for (Eigen::Triplet<float>& entry : entries) {
    const float product = degrees[static_cast<std::size_t>(entry.row())] *
                          degrees[static_cast<std::size_t>(entry.col())];
    entry = {entry.row(), entry.col(), 1 / std::sqrt(product)};
  }
  const auto size = static_cast<Eigen::Index>(P);
  Eigen::SparseMatrix<float, Eigen::RowMajor> matrix(size, size);
  matrix.setFromTriplets(entries.begin(), entries.end());
  return matrix;
}

}  // namespace

LocatedExamples::LocatedExamples(std::span<const float> inputs, int num_inputs,
                                 std::vector<float> coordinates)
    : inputs_(inputs),
      coordinates_(std::move(coordinates)),
      squares_(inputs.size() / static_cast<std::size_t>(num_inputs)) {
  const std::size_t N = count();
  METAPLASTIC_CHECK(N >= 1 && !coordinates_.empty() && coordinates_.size() % N == 0);
  for (std::size_t row = 0; row < coordinates_.size(); row += N)
    for (std::size_t n = 0; n < N; ++n)
      squares_[n] += coordinates_[row + n] * coordinates_[row + n];
}

std::vector<std::size_t> nearest_others(const LocatedExamples& from,
                                        const LocatedExamples& others) {
  const std::size_t N = from.count(), P = others.count();
  METAPLASTIC_CHECK(N >= 1 && P >= 1);
  const std::size_t k = others.coordinates().size() / P;
  METAPLASTIC_CHECK(from.coordinates().size() == k * N);
  std::vector<std::size_t> result(N * kChoices, P);
  std::vector<float> distances;  // [count,P], squared, less |a|^2: |b|^2 - 2 a b
  for (std::size_t first = 0; first < N; first += kBlock) {
    const std::size_t count = std::min(kBlock, N - first);
    distances.clear();
    for (std::size_t i = 0; i < count; ++i)
      distances.insert(distances.end(), others.square_lengths().begin(),
                       others.square_lengths().end());
    const auto columns = static_cast<std::ptrdiff_t>(P);
    gemm(true, false, static_cast<int>(count), static_cast<int>(P), static_cast<int>(k), -2.0f,
         from.coordinates().data() + first, static_cast<std::ptrdiff_t>(N),
         others.coordinates().data(), columns, 1.0f, distances.data(), columns);
    for (std::size_t i = 0; i < count; ++i) {
      choose_nearest(from, first + i, others, std::span(distances).subspan(i * P, P),
                     std::span(result).subspan((first + i) * kChoices, kChoices));
    }
  }
  return result;
}

double walk_memory(std::span<const std::size_t> near, std::size_t num_examples) {
  METAPLASTIC_CHECK(near.size() == num_examples * kChoices);
  const auto matrix = walk_matrix(near, num_examples);
  const LeadingSpace space =
      leading_space(static_cast<int>(num_examples), kModesBlock, kModesBlocks,
                    [&](const RowMatrix& block) -> RowMatrix { return matrix * block; });
  const Eigen::Index count = std::min<Eigen::Index>(kModes, space.values.size());
  return space.values.head(count).sum();
}

}  // namespace metaplastic
