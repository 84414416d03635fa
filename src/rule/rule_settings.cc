#include "rule/rule_settings.h"

#include <cmath>

#include "neighbours/constants.h"

namespace metaplastic {
namespace {

constexpr SettingRow kRows[] = {
    {"step", "inner step size", true, 4},
    {"bias_pace", "pace of biases against weights (homeostatic)", true, 16},
    {"share", "share of its variance above its mean that a unit aims at", true,
     1 / kNeighbourhood.homeostatic_share},
    {"noise", "noise of second views", false, 8},
    {"hops", "mean length of walks, which have one hop at least", false, 8},
};
static_assert(std::size(kRows) == kNumSettings);

// share = sigmoid(start + raw / (1 - share at 0)): slope 1 of the factor.
double share_at(double raw) {
  constexpr double start = kNeighbourhood.homeostatic_share;
  return 1 / (1 + (1 - start) / start * std::exp(-raw / (1 - start)));
}

}  // namespace

std::span<const SettingRow> setting_rows() { return kRows; }

double setting_factor(SettingName name, double raw) {
  if (name == SettingName::kShare) return share_at(raw) / kNeighbourhood.homeostatic_share;
  const double reach = std::log(kRows[static_cast<std::size_t>(name)].reach);
  return std::exp(reach * std::tanh(raw / reach));
}

double setting_slope(SettingName name, double raw) {
  constexpr double start = kNeighbourhood.homeostatic_share;
  if (name == SettingName::kShare) {
    const double share = share_at(raw);
    return share * (1 - share) / (1 - start) / start;
  }
  const double reach = std::log(kRows[static_cast<std::size_t>(name)].reach);
  const double bend = std::tanh(raw / reach);
  return setting_factor(name, raw) * (1 - bend * bend);
}

}  // namespace metaplastic
