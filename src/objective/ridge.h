// The meta-objective: closed-form ridge regression on a few labelled examples, judged on others by
// cosine distance.                        [paper: section 3.3; docs/method.md, "Meta-objective"]
#pragma once

#include <span>
#include <vector>

#include "tensor/tape.h"

namespace metaplastic {

// Targets of a probe, target-major: one-hot classes, then augmentation coefficients.
template <class T>
struct ProbeTargets {
  int num_classes = 0;
  int num_targets = 0;     // classes + coefficients
  std::vector<T> support;  // [num_targets, N] centred and scaled by the support's moments
  std::vector<T> query;    // [num_targets, N_query] under the same centring and scaling
};

// labels [N], in 0..num_classes-1; coefficients [N, num_coefficients] row-major (may be empty).
template <class T>
void make_probe_targets(int num_classes, std::span<const int> support_labels,
                        std::span<const float> support_coefficients,
                        std::span<const int> query_labels,
                        std::span<const float> query_coefficients, ProbeTargets<T>& targets);

// How far the predictions of the query are from its targets.
enum class ProbeLoss {
  kCosine,        // mean cosine distance over all targets, 0..2               [paper: section 3.3]
  kCrossEntropy,  // of a softmax over the classes, whose logits are kCrossEntropyScale times the
                  // predictions; coefficients are fitted but not judged
};
// Targets of C classes are C / sqrt(C - 1) apart, so two makes a perfect prediction's odds some 800
// to 1 for ten classes. The paper has no such loss; after R2-D2 (Bertinetto et al. 2019), where the
// scale is learned.
constexpr double kCrossEntropyScale = 2;

template <class T>
struct RidgeResult {
  Var<T> loss;          // [1,1]
  double accuracy = 0;  // share of query examples whose largest class prediction is their label
};

// support [U,1,N], query [U,1,N_query]: features. Cost about 2 U^2 N + U^3/3 flops forward.
// Throws nothing; non-finite features give a non-finite loss, which the caller must look at.
template <class T>
RidgeResult<T> ridge_objective(Tape<T>& tape, const Var<T>& support, const Var<T>& query,
                               const ProbeTargets<T>& targets, T lambda, ProbeLoss loss);

}  // namespace metaplastic
