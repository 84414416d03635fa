// Is an encoder worth using? Signs that need no labels: dead units, collapse, unrest at the end.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/mlp.h"

namespace metaplastic {

struct HealthLimits {
  double max_dead_share = 0.5;    // of all units, over the rows looked at
  double min_rank_share = 0.05;   // effective rank over units of the top layer
  double min_effective_rank = 2;  // and never below this, when the layer has more units
  double max_drift = 0.5;         // 0: columns stood still; sqrt(2): all turned by 90 degrees
};
inline constexpr HealthLimits kHealthLimits{};

struct Health {
  double dead_share = 0;      // units, of all layers, whose activation does not vary
  double effective_rank = 0;  // exp(entropy of the top layer's covariance spectrum)
  int num_features = 0;
  // Mean distance |w_now/|w_now| - w_then/|w_then|| over the columns of all W, "then" being a tenth
  // of the inner steps before the end; 0 without inner steps.
  double drift = 0;

  // One line per sign that is out of range, saying what was found and what to try; empty: healthy.
  std::vector<std::string> warnings() const;
};

// Share of units with standard deviation below 1e-4 in features [N,U]; added up by the caller.
int count_dead_units(std::span<const float> features, std::int64_t num_rows, int num_units);
// Of features [N,U]; 1 when nothing varies. Cost N U^2.
double effective_rank(std::span<const float> features, std::int64_t num_rows, int num_units);
// W of all layers, one after the other, of a phi.
std::vector<float> weights_of(const Architecture& architecture, std::span<const float> phi);
// From those weights to the ones of a later phi.
double phi_drift(const Architecture& architecture, std::span<const float> before,
                 std::span<const float> after);

}  // namespace metaplastic
