// How long random walks over a graph of neighbours remember where they started.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "neighbours/near_examples.h"
#include "tensor/leading_space.h"

namespace metaplastic {
namespace {

constexpr int kModes = 16;  // of a graph, that count

// Calls body(p, q) and body(q, p) for each example p and neighbour q.
template <class F>
void for_edges(std::span<const std::size_t> near, std::size_t P, const F& body) {
  for (std::size_t i = 0; i < near.size(); ++i) {
    if (near[i] >= P) continue;
    body(i / kChoices, near[i]);
    body(near[i], i / kChoices);
  }
}

// D^-1/2 (A + A^T) D^-1/2.
SparseRows walk_matrix(std::span<const std::size_t> near, std::size_t P) {
  SparseRows matrix;
  matrix.begins.resize(P + 1);
  std::vector<float> weights(P);  // 1 / root of the degree
  for_edges(near, P, [&](std::size_t p, std::size_t) { ++matrix.begins[p + 1]; });
  for (std::size_t p = 0; p < P; ++p) {
    weights[p] = 1 / std::sqrt(std::max(1.0f, static_cast<float>(matrix.begins[p + 1])));
    matrix.begins[p + 1] += matrix.begins[p];
  }
  matrix.columns.resize(matrix.begins[P]);
  matrix.values.resize(matrix.begins[P]);
  std::vector<std::uint32_t> ends(matrix.begins.begin(), matrix.begins.end() - 1);
  for_edges(near, P, [&](std::size_t p, std::size_t q) {
    const std::uint32_t entry = ends[p]++;
    matrix.columns[entry] = static_cast<std::uint32_t>(q);
    matrix.values[entry] = weights[p] * weights[q];
  });
  return matrix;
}

}  // namespace

double walk_memory(std::span<const std::size_t> near, std::size_t num_examples,
                   ThreadPool* threads) {
  METAPLASTIC_CHECK(near.size() == num_examples * kChoices);
  const SparseRows matrix = walk_matrix(near, num_examples);
  const auto P = static_cast<int>(num_examples);
  constexpr int kPiece = 512;  // rows
  return leading_sum(P, kModes, [&](const ProductStep& step, const RowMatrix& x, RowMatrix& out) {
    share_out(threads, (P + kPiece - 1) / kPiece, [&](int, int piece) {
      const int first = piece * kPiece;
      multiply_rows(matrix, step, x.data(), static_cast<int>(x.cols()), first,
                    std::min(P, first + kPiece), out.data());
    });
  });
}

}  // namespace metaplastic
