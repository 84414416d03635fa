// Settings of the step that theta may hold (rule.settings): one table, a row each. Theta holds the
// numbers themselves, as logarithms (of the share, as a logit), for each kind of examples.
// [docs/method.md, "Settings that follow the data"]
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "neighbours/neighbour_pool.h"
#include "rule/theta.h"

namespace metaplastic {

enum class SettingName : int { kStep, kBiasPace, kShare, kNoise, kHops, kKeep, kCount };
inline constexpr std::size_t kNumSettings = static_cast<std::size_t>(SettingName::kCount);

struct SettingRow {
  std::string_view name, help;
  bool smooth;   // an inner step has a derivative by it; else evolution strategies find one
  double reach;  // bounds: the usual value times this and, but for the share, over this
};
// In the order of SettingName.
std::span<const SettingRow> setting_rows();
// Whether anything of such a rule depends on it.
bool setting_acts(SettingName name, const RuleSizes& sizes);

// Where a setting starts by hand, and the middle of its bounds. inner_lr: the rule's own.
double usual_setting(SettingName name, ExampleKind kind, double inner_lr);

// usual: usual_setting. The raw number of the usual value is its logarithm, or for the share an
// eighth of a logit. Away from it the logarithm bends, so that no raw number leads out of the
// bounds: value = usual reach^tanh((raw - log usual) / log reach). The share is a sigmoid.
float usual_raw(SettingName name, double usual);
double setting_value(SettingName name, double usual, double raw);
double setting_slope(SettingName name, double usual, double raw);  // d value / d raw

template <class T>
using RawSettings = std::array<T, kNumSettings>;

// As they act.
struct RuleSettings {
  std::array<double, kNumSettings> values{};

  double operator[](SettingName name) const { return values[static_cast<std::size_t>(name)]; }
  ViewSettings views() const {
    return {(*this)[SettingName::kHops], (*this)[SettingName::kNoise],
            (*this)[SettingName::kShare]};
  }
};

template <class T>
RuleSettings settings_of(const RawSettings<T>& raw, ExampleKind kind, double inner_lr) {
  RuleSettings settings;
  for (std::size_t n = 0; n < kNumSettings; ++n) {
    const auto name = static_cast<SettingName>(n);
    settings.values[n] =
        setting_value(name, usual_setting(name, kind, inner_lr), static_cast<double>(raw[n]));
  }
  return settings;
}

// The raw settings of theta [layout.size()], in which they stand.
// As set by hand. Nothing for a layout without settings.
void set_usual_settings(const ThetaLayout& layout, double inner_lr, std::vector<float>& theta);
// At random, within half of the way to their bounds.
void set_random_settings(const ThetaLayout& layout, double inner_lr, std::uint64_t seed,
                         std::vector<float>& theta);
// After convert_theta from a layout with settings: those that `from` lacks are set as usual. Files
// of rule version 3 have factors of the usual values, the same for all kinds.
void complete_settings(const ThetaLayout& from, const ThetaLayout& to, double inner_lr,
                       std::vector<float>& theta);

}  // namespace metaplastic
