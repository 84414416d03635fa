// The first state of a base model, where theta holds the deviations of its weights and biases: phi
// is drawn by the config's deviations and scaled afterwards.
#pragma once

#include <span>
#include <vector>

#include "model/mlp.h"
#include "rule/rule_settings.h"

namespace metaplastic {

// phi [phi_size], drawn by `inner`, as drawn by the settings instead. Where those are the same, no
// bit changes.
void scale_first_phi(const Architecture& architecture, const InnerSettings& inner,
                     const RuleSettings& settings, std::vector<float>& phi);

struct FirstPhiBar {
  double weights = 0, biases = 0;  // d loss / d the setting
};
// phi: scaled, before the first step; phi_bar: d loss / d phi.
FirstPhiBar first_phi_bar(const Architecture& architecture, const RuleSettings& settings,
                          std::span<const float> phi, std::span<const float> phi_bar);

}  // namespace metaplastic
