// How long random walks over a graph of neighbours remember where they started.
#include <Eigen/SparseCore>
#include <cmath>

#include "base/error.h"
#include "neighbours/near_examples.h"
#include "tensor/leading_space.h"

namespace metaplastic {
namespace {

constexpr int kModes = 16;        // of a graph, that count,
constexpr int kModesBlock = 24;   // and the Krylov space that they are looked for in: a smaller
constexpr int kModesBlocks = 16;  // one misses more of one graph than of another

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

double walk_memory(std::span<const std::size_t> near, std::size_t num_examples,
                   ThreadPool* threads) {
  METAPLASTIC_CHECK(near.size() == num_examples * kChoices);
  const auto matrix = walk_matrix(near, num_examples);
  const Eigen::VectorXd values = leading_values(
      static_cast<int>(num_examples), kModesBlock, kModesBlocks,
      [&](const RowMatrix& block) -> RowMatrix { return matrix * block; }, threads);
  return values.head(std::min<Eigen::Index>(kModes, values.size())).sum();
}

}  // namespace metaplastic
