#include "rule/rule_settings.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "neighbours/constants.h"
#include "rule/constants.h"

namespace metaplastic {
namespace {

// The usual share of most data; the share of sparse inputs is bounded by its part of that.
constexpr double kShare = kNeighbourhood.homeostatic_share;
constexpr double kWhitening = 0.25;

constexpr SettingRow kRows[] = {
    {"step", "inner step size", true, 4},
    {"bias_pace", "pace of biases against weights", true, 16},
    {"share", "share of its variance above its mean that a unit aims at", true, 1 / kShare, kShare},
    {"noise", "noise of second views, over the deviation of the inputs", false, 8},
    {"hops", "mean length of walks in a pool of up to 4096 examples, one hop at least", false, 8},
    {"keep", "growth of a weight column along itself, which decay balances", true, 4},
    {"whitening", "of the distance metric: components times their variance to minus this", false,
     1 / kWhitening, kWhitening},
    {"inputs", "inputs beside features, over inputs that vary as much as these", true, 8},
    {"weights", "deviation of the first weights", true, 8},
    {"biases", "deviation of the first biases", true, 8},
    {"averaging", "share of the steps, the last ones, whose mean is read out", false, 3},
};
static_assert(std::size(kRows) == kNumSettings);
static_assert(kNeighbourhood.hops_pool == 4096);

const SettingRow& row_of(SettingName name) { return kRows[static_cast<std::size_t>(name)]; }

// A sigmoid that is `start`, with slope `start`, at 0.
double sigmoid_from(double start, double raw) {
  return 1 / (1 + (1 - start) / start * std::exp(-raw / (1 - start)));
}

// Calls visit(name, usual, number of theta) for every setting of every kind.
template <class Visit>
void for_each_setting(const ThetaLayout& layout, const InnerSettings& inner, const Visit& visit) {
  if (!layout.has(ThetaName::kSettings)) return;
  const ThetaEntry& entry = layout[ThetaName::kSettings];
  METAPLASTIC_CHECK(entry.rows == static_cast<int>(kNumExampleKinds) &&
                    entry.cols == static_cast<int>(kNumSettings));
  auto at = static_cast<std::size_t>(entry.offset);
  for (std::size_t kind = 0; kind < kNumExampleKinds; ++kind)
    for (std::size_t n = 0; n < kNumSettings; ++n) {
      const auto name = static_cast<SettingName>(n);
      visit(name, usual_setting(name, static_cast<ExampleKind>(kind), inner), at++);
    }
}

}  // namespace

std::span<const SettingRow> setting_rows() { return kRows; }

bool setting_acts(SettingName name, const RuleSizes& sizes, ExampleKind kind) {
  switch (name) {
    case SettingName::kBiasPace:
    case SettingName::kShare:
      return sizes.is_homeostatic();
    case SettingName::kNoise:
    case SettingName::kHops:
      return sizes.has_neighbours();
    case SettingName::kWhitening:
      return sizes.has_trained_metric() && kind != ExampleKind::kDistances;
    default:
      return true;
  }
}

double usual_setting(SettingName name, ExampleKind kind, const InnerSettings& inner) {
  switch (name) {
    case SettingName::kStep:
      return inner.inner_lr;
    case SettingName::kBiasPace:
      return kRule.homeostatic_pace;
    case SettingName::kShare:
      return usual_views(kind).share;
    case SettingName::kNoise:
      return usual_views(kind).noise;
    case SettingName::kHops:
      return usual_views(kind).hops;
    case SettingName::kWhitening:
      return kWhitening;
    case SettingName::kInputs:
      return 1;
    case SettingName::kWeights:
      return inner.weight_std;
    case SettingName::kBiases:
      return inner.bias_std;
    case SettingName::kAveraging:
      return inner.phi_mean_share;
    default:
      return kRule.keep;
  }
}

float usual_raw(SettingName name, double usual) {
  const double start = row_of(name).middle;
  if (start > 0) return static_cast<float>((1 - start) * std::log(start / (1 - start)));
  return usual > 0 ? static_cast<float>(std::log(usual)) : 0.0f;
}

double setting_value(SettingName name, double usual, double raw) {
  const double off = raw - static_cast<double>(usual_raw(name, usual));
  const SettingRow& row = row_of(name);
  if (row.middle > 0) return usual * (sigmoid_from(row.middle, off) / row.middle);
  const double reach = std::log(row.reach);
  const double value = usual * std::exp(reach * std::tanh(off / reach));
  return name == SettingName::kAveraging ? std::min(1.0, value) : value;
}

double setting_slope(SettingName name, double usual, double raw) {
  const double off = raw - static_cast<double>(usual_raw(name, usual));
  const SettingRow& row = row_of(name);
  if (row.middle > 0) {
    const double share = sigmoid_from(row.middle, off);
    return usual * (share * (1 - share) / (1 - row.middle) / row.middle);
  }
  const double bend = std::tanh(off / std::log(row.reach));
  return setting_value(name, usual, raw) * (1 - bend * bend);
}

void set_usual_settings(const ThetaLayout& layout, const InnerSettings& inner,
                        std::vector<float>& theta) {
  for_each_setting(layout, inner, [&](SettingName name, double usual, std::size_t at) {
    theta[at] = usual_raw(name, usual);
  });
}

void set_random_settings(const ThetaLayout& layout, const InnerSettings& inner, std::uint64_t seed,
                         std::vector<float>& theta) {
  constexpr std::uint64_t kStream = 1'000'000;  // theta's matrices use the first numbers
  Random random(seed, Purpose::kThetaInit, kStream);
  for_each_setting(layout, inner, [&](SettingName name, double usual, std::size_t at) {
    const auto half = static_cast<float>(std::log(row_of(name).reach) / 2);
    theta[at] = usual_raw(name, usual) + random.uniform(-half, half);
  });
}

void complete_settings(const ThetaLayout& from, const ThetaLayout& to, const InnerSettings& inner,
                       std::vector<float>& theta) {
  if (!from.has(ThetaName::kSettings)) return;
  const bool has_factors = from.conditions().kinds.empty();
  const std::vector<std::string>& known = from.conditions().settings;
  for_each_setting(to, inner, [&](SettingName name, double usual, std::size_t at) {
    const bool is_known = std::ranges::find(known, row_of(name).name) != known.end();
    if (has_factors || !is_known) theta[at] += usual_raw(name, usual);
  });
}

}  // namespace metaplastic
