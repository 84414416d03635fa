#include "neighbours/near_examples.h"

#include <Eigen/Dense>
#include <Eigen/SparseCore>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "tensor/blas.h"
#include "tensor/leading_space.h"

namespace metaplastic {
namespace {

constexpr std::size_t kBlock = 256;    // examples whose distances to the others are held at a time
constexpr std::size_t kGlance = 64;    // distances that are passed over when the least is too large
constexpr std::size_t kMaxRank = 128;  // coordinates of panels; more fit no cache, BLAS blocks them
constexpr int kModes = 16;             // of a graph, that count,
constexpr int kModesBlock = 24;   // and the Krylov space that they are looked for in: a smaller
constexpr int kModesBlocks = 16;  // one misses more of one graph than of another

float least_of(std::span<const float> values) {
  return Eigen::Map<const Eigen::ArrayXf>(values.data(), std::ssize(values)).minCoeff();
}

// The nearest of the others to one example, looked at in their order.
class Nearest {
 public:
  // What a distance must be below.
  float bound() const {
    return count_ < kChoices ? std::numeric_limits<float>::infinity() : entries_.back().first;
  }
  // Of example `i` of `from`; distance to example p of the others.
  void look_at(const LocatedExamples& from, std::size_t i, const LocatedExamples& others,
               std::size_t p, float distance) {
    if (distance >= bound() || from.equals(i, others, p)) return;
    const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(count_);
    const std::pair entry(distance, p);
    const auto place = std::upper_bound(entries_.begin(), end, entry);
    if (count_ < kChoices) ++count_;
    std::move_backward(place, entries_.begin() + static_cast<std::ptrdiff_t>(count_) - 1,
                       entries_.begin() + static_cast<std::ptrdiff_t>(count_));
    *place = entry;
  }
  void write(std::size_t none, std::span<std::size_t> found) const {
    for (std::size_t c = 0; c < kChoices; ++c)
      found[c] = count_ == 0 ? none : entries_[c % count_].second;
  }

 private:
  std::array<std::pair<float, std::size_t>, kChoices> entries_;  // ascending
  std::size_t count_ = 0;
};

// One block of examples, from `first` on, whose nearest are sought.
struct Search {
  const LocatedExamples& from;
  const LocatedExamples& others;
  std::size_t first;
  std::vector<Nearest> nearest;
  std::vector<float> bounds;

  Search(const LocatedExamples& from_examples, const LocatedExamples& other_examples,
         std::size_t first_example, std::size_t count)
      : from(from_examples),
        others(other_examples),
        first(first_example),
        nearest(count),
        bounds(count, std::numeric_limits<float>::infinity()) {}

  void look(std::size_t i, std::size_t p, std::span<const float> distances) {
    const std::size_t end = std::min(p + distances.size(), others.count());
    for (std::size_t at = p; at < end; ++at)
      nearest[i].look_at(from, first + i, others, at, distances[at - p]);
    bounds[i] = nearest[i].bound();
  }
  void by_panels() {
    scan_distances(
        from.coordinates().data() + first, static_cast<std::ptrdiff_t>(from.count()),
        static_cast<int>(nearest.size()), others.panels(), bounds.data(),
        [](void* self, int query, int p, int count, const float* distances) {
          static_cast<Search*>(self)->look(static_cast<std::size_t>(query),
                                           static_cast<std::size_t>(p),
                                           {distances, static_cast<std::size_t>(count)});
        },
        this);
  }
  // distances [count,P], squared, less |a|^2: |b|^2 - 2 a b.
  void by_blas() {
    const std::size_t count = nearest.size(), P = others.count();
    const std::size_t k = others.coordinates().size() / P;
    std::vector<float> distances;
    distances.reserve(count * P);
    for (std::size_t i = 0; i < count; ++i)
      distances.insert(distances.end(), others.square_lengths().begin(),
                       others.square_lengths().end());
    const auto columns = static_cast<std::ptrdiff_t>(P);
    gemm(true, false, static_cast<int>(count), static_cast<int>(P), static_cast<int>(k), -2.0f,
         from.coordinates().data() + first, static_cast<std::ptrdiff_t>(from.count()),
         others.coordinates().data(), columns, 1.0f, distances.data(), columns);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t p = 0; p < P; p += kGlance) {
        const auto some = std::span(distances).subspan(i * P + p, std::min(kGlance, P - p));
        if (least_of(some) < bounds[i]) look(i, p, some);
      }
  }
};

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
      squares_(inputs.size() / static_cast<std::size_t>(num_inputs)),
      hashes_(squares_.size()) {
  const std::size_t N = count();
  METAPLASTIC_CHECK(N >= 1 && !coordinates_.empty() && coordinates_.size() % N == 0);
  for (std::size_t row = 0; row < coordinates_.size(); row += N)
    for (std::size_t n = 0; n < N; ++n)
      squares_[n] += coordinates_[row + n] * coordinates_[row + n];
  for (std::size_t row = 0; row < inputs.size(); row += N)
    for (std::size_t n = 0; n < N; ++n) {
      constexpr std::uint64_t kPrime = 0x100000001b3;                          // of FNV-1a
      const auto bits = std::bit_cast<std::uint32_t>(inputs[row + n] + 0.0f);  // one zero, not two
      hashes_[n] = (hashes_[n] ^ bits) * kPrime;
    }
  if (coordinates_.size() / N <= kMaxRank) panels_ = ColumnPanels(coordinates_, squares_);
}

bool LocatedExamples::equals(std::size_t i, const LocatedExamples& others, std::size_t p) const {
  if (hashes_[i] != others.hashes_[p]) return false;
  for (std::size_t u = 0; u * count() < inputs_.size(); ++u)
    if (inputs_[u * count() + i] != others.inputs_[u * others.count() + p]) return false;
  return true;
}

std::vector<std::size_t> nearest_others(const LocatedExamples& from, const LocatedExamples& others,
                                        ThreadPool* threads) {
  const std::size_t N = from.count(), P = others.count();
  METAPLASTIC_CHECK(N >= 1 && P >= 1);
  METAPLASTIC_CHECK(from.coordinates().size() / N == others.coordinates().size() / P);
  const bool panels = others.panels().rank() > 0;
  std::vector<std::size_t> result(N * kChoices, P);
  // Blocks of panels are as good in any size, those of BLAS round differently.
  const auto workers = static_cast<std::size_t>(threads ? threads->num_threads() : 1);
  const std::size_t block = panels ? std::min(kBlock, (N + workers - 1) / workers) : kBlock;
  const auto search = [&](int, int number) {
    const std::size_t first = static_cast<std::size_t>(number) * block;
    Search some(from, others, first, std::min(block, N - first));
    panels ? some.by_panels() : some.by_blas();
    for (std::size_t i = 0; i < some.nearest.size(); ++i)
      some.nearest[i].write(P, std::span(result).subspan((first + i) * kChoices, kChoices));
  };
  const auto num_blocks = static_cast<int>((N + block - 1) / block);
  if (threads) {
    threads->parallel_for(num_blocks, search);
  } else {
    for (int number = 0; number < num_blocks; ++number) search(0, number);
  }
  return result;
}

double walk_memory(std::span<const std::size_t> near, std::size_t num_examples) {
  METAPLASTIC_CHECK(near.size() == num_examples * kChoices);
  const auto matrix = walk_matrix(near, num_examples);
  const Eigen::VectorXd values =
      leading_values(static_cast<int>(num_examples), kModesBlock, kModesBlocks,
                     [&](const RowMatrix& block) -> RowMatrix { return matrix * block; });
  return values.head(std::min<Eigen::Index>(kModes, values.size())).sum();
}

}  // namespace metaplastic
