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
#include "rule/inner_settings.h"
#include "rule/theta.h"

namespace metaplastic {

enum class SettingName : int {
  kStep,
  kBiasPace,
  kShare,
  kNoise,
  kHops,
  kKeep,
  kWhitening,
  kInputs,
  kWeights,
  kBiases,
  kAveraging,
  kCount
};
inline constexpr std::size_t kNumSettings = static_cast<std::size_t>(SettingName::kCount);

struct SettingRow {
  std::string_view name, help;
  bool smooth;   // the meta-loss has a derivative by it; else evolution strategies find one
  double reach;  // bounds: the usual value times this and over this, or 0 for a share
  // Of a share: what is 1 / reach of its largest value, where it starts; else 0.
  double middle = 0;
};
// In the order of SettingName.
std::span<const SettingRow> setting_rows();
// Whether anything of such a rule depends on it, for examples of that kind.
bool setting_acts(SettingName name, const RuleSizes& sizes, ExampleKind kind);

// Where a setting starts by hand, and the middle of its bounds. inner: the rule's own. Where it is
// 0, nothing moves it.
double usual_setting(SettingName name, ExampleKind kind, const InnerSettings& inner);

// usual: usual_setting. The raw number of the usual value is its logarithm; of a share (`share` and
// `whitening`) the logit times 1 less where it starts, an eighth and three quarters. Away from it
// the logarithm bends, so that no raw number leads out of the bounds: value = usual
// reach^tanh((raw - log usual) / log reach). A share is a sigmoid.
float usual_raw(SettingName name, double usual);
double setting_value(SettingName name, double usual, double raw);
double setting_slope(SettingName name, double usual, double raw);  // d value / d raw

template <class T>
using RawSettings = std::array<T, kNumSettings>;

// As they act.
struct RuleSettings {
  std::array<double, kNumSettings> values{};
  bool has_metric = false;  // a whitening of its own

  double operator[](SettingName name) const { return values[static_cast<std::size_t>(name)]; }
  ViewSettings views() const {
    ViewSettings views{(*this)[SettingName::kHops], (*this)[SettingName::kNoise],
                       (*this)[SettingName::kShare]};
    if (has_metric) views.whitening = (*this)[SettingName::kWhitening];
    return views;
  }
};

// sizes: of the rule that has them.
template <class T>
RuleSettings settings_of(const RawSettings<T>& raw, const RuleSizes& sizes, ExampleKind kind,
                         const InnerSettings& inner) {
  RuleSettings settings;
  for (std::size_t n = 0; n < kNumSettings; ++n) {
    const auto name = static_cast<SettingName>(n);
    settings.values[n] =
        setting_value(name, usual_setting(name, kind, inner), static_cast<double>(raw[n]));
  }
  settings.has_metric = sizes.has_trained_metric();
  return settings;
}

// The raw settings of theta [layout.size()], in which they stand.
// As set by hand. Nothing for a layout without settings.
void set_usual_settings(const ThetaLayout& layout, const InnerSettings& inner,
                        std::vector<float>& theta);
// At random, within half of the way to their bounds.
void set_random_settings(const ThetaLayout& layout, const InnerSettings& inner, std::uint64_t seed,
                         std::vector<float>& theta);
// After convert_theta from a layout with settings: those that `from` lacks are set as usual. Files
// of rule version 3 have factors of the usual values, the same for all kinds.
void complete_settings(const ThetaLayout& from, const ThetaLayout& to, const InnerSettings& inner,
                       std::vector<float>& theta);

}  // namespace metaplastic
