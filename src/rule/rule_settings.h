// Settings of the step that theta may hold (rule.settings): one table, a row each. A raw number of
// 0 leaves what the program would use otherwise; no raw number leads out of the bounds.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "neighbours/neighbour_pool.h"

namespace metaplastic {

enum class SettingName : int { kStep, kBiasPace, kShare, kNoise, kHops, kCount };
inline constexpr std::size_t kNumSettings = static_cast<std::size_t>(SettingName::kCount);

struct SettingRow {
  std::string_view name, help;
  bool smooth;   // an inner step has a derivative by it; else evolution strategies find one
  double reach;  // largest factor and, but for the share, its inverse the smallest
};
// In the order of SettingName.
std::span<const SettingRow> setting_rows();

template <class T>
using RawSettings = std::array<T, kNumSettings>;

// Each multiplies the value that the rule and the data would otherwise use.
struct RuleSettings {
  std::array<double, kNumSettings> factors = {1, 1, 1, 1, 1};

  double operator[](SettingName name) const { return factors[static_cast<std::size_t>(name)]; }
  NeighbourFactors neighbours() const {
    return {(*this)[SettingName::kHops], (*this)[SettingName::kNoise],
            (*this)[SettingName::kShare]};
  }
};

// factor = reach^tanh(raw / ln reach); of the share, 1 / kNeighbourhood.homeostatic_share times a
// sigmoid, so that the share stays below 1. Slope 1 at 0.
double setting_factor(SettingName name, double raw);
double setting_slope(SettingName name, double raw);  // d factor / d raw

template <class T>
RuleSettings settings_of(const RawSettings<T>& raw) {
  RuleSettings settings;
  for (std::size_t n = 0; n < kNumSettings; ++n)
    settings.factors[n] = setting_factor(static_cast<SettingName>(n), static_cast<double>(raw[n]));
  return settings;
}

}  // namespace metaplastic
