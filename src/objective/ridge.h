// The meta-objective: closed-form ridge regression on a few labelled examples, judged on others by
// cosine distance.                        [paper: section 3.3; docs/method.md, "Meta-objective"]
#pragma once

#include <span>
#include <vector>

#include "objective/probe_loss.h"
#include "tensor/tape.h"

namespace metaplastic {

// How targets are centred and scaled.
enum class TargetNorm {
  kEach,   // each target by its mean and deviation over the support, the query by the same
  kScalar  // support and query by themselves, all targets by one mean, and by the root mean square
           // length of an example's targets                       [released: center_y]
};

// Targets of a probe, target-major: one-hot classes, then augmentation coefficients.
template <class T>
struct ProbeTargets {
  int num_classes = 0;
  int num_targets = 0;     // classes + coefficients
  std::vector<T> support;  // [num_targets, N], centred and scaled
  std::vector<T> query;    // [num_targets, N_query]
  std::vector<T> bias;     // [num_targets] means over the support; empty where all are 0
};

// labels [N], in 0..num_classes-1; coefficients [N, num_coefficients] row-major (may be empty).
template <class T>
void make_probe_targets(int num_classes, std::span<const int> support_labels,
                        std::span<const float> support_coefficients,
                        std::span<const int> query_labels,
                        std::span<const float> query_coefficients, ProbeTargets<T>& targets,
                        TargetNorm norm = TargetNorm::kEach);

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
