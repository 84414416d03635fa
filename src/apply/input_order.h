// The order in which a rule sees the inputs, for a rule to which it matters: metz2019 has unit ids
// and convolutions over units. Meta-training and the released code shuffle the inputs once for a
// training; so does apply. Only the inner steps see the shuffled order: phi is drawn, kept and
// folded in the order of the data, so that an encoder needs no permutation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/mlp.h"
#include "rule/theta.h"

namespace metaplastic {

class InputOrder {
 public:
  // The order of the data for a rule that treats all inputs alike; else a shuffle by the seed.
  InputOrder(const RuleSizes& sizes, int num_inputs, std::uint64_t seed);

  bool is_shuffled() const { return !order_.empty(); }
  // x [U_0,B] as the rule sees it; valid until the next call.
  std::span<const float> inputs(std::span<const float> x);
  // phi as the rule sees it, and back: the rows of W^1 and V^1 move, all else stays.
  void to_rule(const Architecture& architecture, std::vector<float>& phi);
  void to_data(const Architecture& architecture, std::vector<float>& phi);

 private:
  // Rows of `from`, as many as inputs, in the rule's order.
  void take_rows(std::span<const float> from, std::vector<float>& to) const;

  std::vector<int> order_;  // input u of the rule is input order_[u] of the data; empty: the same
  std::vector<float> inputs_, rows_;
};

}  // namespace metaplastic
