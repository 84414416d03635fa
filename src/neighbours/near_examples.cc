#include "neighbours/near_examples.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/error.h"

namespace metaplastic {
namespace {

constexpr std::size_t kMaxRank = 128;  // coordinates of panels; more fit no cache, BLAS blocks them

}  // namespace

LocatedExamples::LocatedExamples(std::span<const float> inputs, int num_inputs,
                                 std::vector<float> coordinates, bool with_panels,
                                 ThreadPool* threads)
    : inputs_(inputs),
      coordinates_(std::move(coordinates)),
      squares_(inputs.size() / static_cast<std::size_t>(num_inputs)),
      hashes_(squares_.size()) {
  const std::size_t N = count();
  METAPLASTIC_CHECK(N >= 1 && !coordinates_.empty() && coordinates_.size() % N == 0);
  constexpr std::size_t kPiece = 1024;
  share_out(threads, static_cast<int>((N + kPiece - 1) / kPiece), [&](int, int piece) {
    const std::size_t first = static_cast<std::size_t>(piece) * kPiece;
    measure(first, std::min(N, first + kPiece));
  });
  if (with_panels && coordinates_.size() / N <= kMaxRank)
    panels_ = ColumnPanels(coordinates_, squares_);
}

void LocatedExamples::measure(std::size_t first, std::size_t last) {
  const std::size_t N = count();
  for (std::size_t row = 0; row < coordinates_.size(); row += N)
    for (std::size_t n = first; n < last; ++n)
      squares_[n] += coordinates_[row + n] * coordinates_[row + n];
  for (std::size_t row = 0; row < inputs_.size(); row += N)
    for (std::size_t n = first; n < last; ++n) {
      constexpr std::uint64_t kPrime = 0x100000001b3;                           // of FNV-1a
      const auto bits = std::bit_cast<std::uint32_t>(inputs_[row + n] + 0.0f);  // one zero, not two
      hashes_[n] = (hashes_[n] ^ bits) * kPrime;
    }
}

bool LocatedExamples::equals(std::size_t i, const LocatedExamples& others, std::size_t p) const {
  if (this == &others && i == p) return true;
  if (hashes_[i] != others.hashes_[p]) return false;
  for (std::size_t u = 0; u * count() < inputs_.size(); ++u)
    if (inputs_[u * count() + i] != others.inputs_[u * others.count() + p]) return false;
  return true;
}

}  // namespace metaplastic
