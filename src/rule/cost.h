// Operations and bytes of the formulas as docs/method.md writes them, stage by stage. What the
// program saves by algebra, or spends on doing things twice, is not counted: the count belongs to
// the method, so that shares of different programs compare.
#pragma once

#include <string_view>
#include <vector>

#include "model/mlp.h"
#include "rule/theta.h"

namespace metaplastic {

struct StageCost {
  std::string_view name;
  double flops = 0;  // of the matrix products; 2 per multiply-add. Element-wise work is not counted
  double bytes = 0;  // every array of the formulas read or written once by each formula it is in
};

// One inner step forward. Its adjoint has two products for each of these: 2x flops, about 2x bytes.
std::vector<StageCost> count_step(const Architecture& architecture, const RuleSizes& sizes, int B);
// One evaluation of the meta-objective forward (N support and N query examples); adjoint 2x.
double count_objective_flops(const Architecture& architecture, int N, int num_targets);

double total_flops(const std::vector<StageCost>& stages);

}  // namespace metaplastic
