// The inner loop that a rule file states: how steps are taken, and from where.
#pragma once

#include <string>

#include "io/config.h"
#include "model/mlp.h"

namespace metaplastic {

inline constexpr const char* kPhiMeanShareHelp =
    "read out is the mean of phi over about this last share of the inner steps; 0: the last phi";

// How a rule wants to be applied; the settings it was meta-trained with.
struct InnerSettings {
  double inner_lr = 0.02;
  double weight_std = 0.1;
  double bias_std = 0.1;
  std::string init = "normal";
  int inner_batch = 64;
  int inner_steps = 200;
  double phi_mean_share = 0;

  template <class Visitor>
  void visit(Visitor& v) {
    v("inner_lr", inner_lr, Range{1e-6, 0.1}, "relative step size of the inner loop");
    v("weight_std", weight_std, Range{1e-4, 10}, "spread of the initial W and V");
    v("bias_std", bias_std, Range{0, 10}, "spread of the initial biases");
    v("init", init, Choices{"normal", "truncated"}, kPhiInitHelp);
    v("inner_batch", inner_batch, Range{2, 4096}, "unlabelled examples per inner step");
    v("inner_steps", inner_steps, Range{1, 1000000}, "inner steps that the rule is evaluated at");
    v("phi_mean_share", phi_mean_share, Range{0, 1}, kPhiMeanShareHelp);
  }
  PhiInit phi_init() const { return {weight_std, bias_std, init == "truncated"}; }
};

}  // namespace metaplastic
