#include "apply/input_order.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"

namespace metaplastic {
namespace {

constexpr std::uint64_t kStream = 1;  // 0 are the permutations that a user asks for

}  // namespace

InputOrder::InputOrder(const RuleSizes& sizes, int num_inputs, std::uint64_t seed) {
  if (!sizes.reads_input_order()) return;
  order_.resize(static_cast<std::size_t>(num_inputs));
  std::iota(order_.begin(), order_.end(), 0);
  Random(seed, Purpose::kPermutation, kStream).shuffle(std::span<int>(order_));
}

void InputOrder::take_rows(std::span<const float> from, std::vector<float>& to) const {
  const auto size = static_cast<std::ptrdiff_t>(from.size() / order_.size());
  to.resize(from.size());
  auto next = to.begin();
  for (const int u : order_) next = std::copy_n(from.begin() + u * size, size, next);
}

std::span<const float> InputOrder::inputs(std::span<const float> x) {
  if (!is_shuffled()) return x;
  take_rows(x, inputs_);
  return inputs_;
}

void InputOrder::to_rule(const Architecture& architecture, std::vector<float>& phi) {
  if (!is_shuffled()) return;
  const LayerOffsets at = layer_offsets(architecture, 1);
  for (const std::int64_t first : {at.W, at.V}) {
    take_rows({phi.data() + first, static_cast<std::size_t>(at.V - at.W)}, rows_);
    std::ranges::copy(rows_, phi.begin() + first);
  }
}

void InputOrder::to_data(const Architecture& architecture, std::vector<float>& phi) {
  if (!is_shuffled()) return;
  const LayerOffsets at = layer_offsets(architecture, 1);
  const std::ptrdiff_t U_up = architecture.widths[1];
  rows_.resize(static_cast<std::size_t>(at.V - at.W));
  for (const std::int64_t first : {at.W, at.V}) {
    auto from = phi.begin() + first;
    for (const int u : order_) {
      std::copy_n(from, U_up, rows_.begin() + u * U_up);
      from += U_up;
    }
    std::ranges::copy(rows_, phi.begin() + first);
  }
}

}  // namespace metaplastic
