// Results before times: a case in float against its twin in double, which the tests in turn hold
// against differences and against PyTorch.
#pragma once

#include "bench/step_case.h"

namespace metaplastic {

// Errors of float against double, each relative to the norm of what the rule adds: next phi minus
// phi, theta_bar, and phi_bar minus the share (1 - lr) next_bar that passes by the rule.
struct Agreement {
  double forward = 0, theta_bar = 0, phi_bar = 0;
  double forward_bound = 0, adjoint_bound = 0;  // derived in verify.cc
  double truncation_loss = 0;                   // |float - double| of the meta-loss
};

// Throws std::runtime_error, naming case and quantity, when an error is above its bound or a
// result is not finite: then timing would be pointless.
Agreement verify_case(const StepCase& step_case);

}  // namespace metaplastic
