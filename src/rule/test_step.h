// One inner step on plain vectors, for tests.
#pragma once

#include <vector>

#include "rule/inner_step.h"

namespace metaplastic {

// phi after a step on the batch x [U_0,B], both views of it where the rule has two.
template <class T>
std::vector<T> phi_after_step(const ThetaLayout& layout, const std::vector<T>& theta,
                              const Architecture& architecture, const std::vector<T>& phi,
                              const std::vector<T>& x, T inner_lr) {
  Tape<T> tape;
  tape.reset(false);
  const int U = architecture.num_inputs(), B = static_cast<int>(x.size()) / U;
  const PhiVars<T> next = inner_step(
      tape, theta_leaves(tape, layout, theta.data()), phi_leaves(tape, architecture, phi.data()),
      architecture.activation, tape.constant(x.data(), U, 1, B), {.inner_lr = inner_lr});
  std::vector<T> result(phi.size());
  copy_phi(next, architecture, result.data());
  return result;
}

}  // namespace metaplastic
