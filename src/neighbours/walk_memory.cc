// How long random walks over a graph of neighbours remember where they started.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "neighbours/near_examples.h"
#include "tensor/leading_space.h"

namespace metaplastic {
namespace {

constexpr int kModes = 16;  // of a graph, that count

// D^-1/2 (A + A^T) D^-1/2, sparse: the entries of an example one after the other.
class WalkMatrix {
 public:
  WalkMatrix(std::span<const std::size_t> near, std::size_t P) : begins_(P + 1), weights_(P) {
    for_edges(near, P, [&](std::size_t p, std::size_t) { ++begins_[p + 1]; });
    for (std::size_t p = 0; p < P; ++p) {
      weights_[p] = 1 / std::sqrt(std::max(1.0f, static_cast<float>(begins_[p + 1])));
      begins_[p + 1] += begins_[p];
    }
    others_.resize(begins_[P]);
    std::vector<std::uint32_t> ends(begins_.begin(), begins_.end() - 1);
    for_edges(near, P, [&](std::size_t p, std::size_t q) {
      others_[ends[p]++] = static_cast<std::uint32_t>(q);
    });
  }

  // out [P,m] of block [P,m].
  void multiply(const RowMatrix& block, RowMatrix& out, ThreadPool* threads) const {
    constexpr int kPiece = 512;
    const auto P = static_cast<int>(weights_.size());
    share_out(threads, (P + kPiece - 1) / kPiece, [&](int, int piece) {
      for (int p = piece * kPiece; p < std::min(P, (piece + 1) * kPiece); ++p)
        multiply_row(static_cast<std::size_t>(p), block, out.data() + p * out.cols());
    });
  }

 private:
  // Both ways.
  template <class F>
  static void for_edges(std::span<const std::size_t> near, std::size_t P, const F& body) {
    for (std::size_t i = 0; i < near.size(); ++i) {
      if (near[i] >= P) continue;
      body(i / kChoices, near[i]);
      body(near[i], i / kChoices);
    }
  }
  void multiply_row(std::size_t p, const RowMatrix& block, float* sums) const {
    Eigen::Map<Eigen::RowVectorXf> sum(sums, block.cols());
    sum.setZero();
    for (std::uint32_t entry = begins_[p]; entry < begins_[p + 1]; ++entry) {
      const std::uint32_t q = others_[entry];
      sum += weights_[p] * weights_[q] * block.row(q);
    }
  }

  std::vector<std::uint32_t> begins_;  // [P+1], of an example's entries
  std::vector<std::uint32_t> others_;  // of each entry
  std::vector<float> weights_;         // [P], 1 / root of the degree
};

}  // namespace

double walk_memory(std::span<const std::size_t> near, std::size_t num_examples,
                   ThreadPool* threads) {
  METAPLASTIC_CHECK(near.size() == num_examples * kChoices);
  const WalkMatrix matrix(near, num_examples);
  return leading_sum(
      static_cast<int>(num_examples), kModes,
      [&](const RowMatrix& block, RowMatrix& out) { matrix.multiply(block, out, threads); });
}

}  // namespace metaplastic
