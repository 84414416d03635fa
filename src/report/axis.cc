#include "report/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace metaplastic {
namespace {

constexpr double kLargest = 1e100, kSmallestLog = 1e-12;
constexpr int kMaxLogLabels = 6;
constexpr int kMaxLogDecades = 3;  // beyond these, only powers of ten have a tick

double finite_within(double value, double limit) {
  return std::isfinite(value) ? std::clamp(value, -limit, limit) : 0;
}

// The smallest of 1, 2, 5 times a power of ten that is at least `least`.
double round_step(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    // The allowance takes 0.1 + 0.2 for 0.3.
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::string label(double value, double step) {
  if (value == 0) return "0";
  const double size = std::max(std::abs(value), step);
  if (step >= 1e9 || step < 1e-6) return fmt::format("{:.3g}", value);
  if (step >= 1e6) return fmt::format("{:.0f}M", value / 1e6);
  if (step >= 1e3 && size >= 1e4) return fmt::format("{:.0f}k", value / 1e3);
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
  return fmt::format("{:.{}f}", value, decimals);
}

}  // namespace

double Axis::share(double value) const {
  if (!is_log) return std::clamp((value - low) / (high - low), 0.0, 1.0);
  const double position = std::log(std::max(value, low) / low) / std::log(high / low);
  return std::clamp(position, 0.0, 1.0);
}

Axis linear_axis(double low, double high, const AxisOptions& options) {
  METAPLASTIC_CHECK(options.max_ticks >= 2);
  low = finite_within(low, kLargest);
  high = finite_within(high, kLargest);
  if (low > high) std::swap(low, high);
  // Narrower than rounding tells apart counts as no extent.
  if (high - low <= 1e-9 * std::max(std::abs(low), std::abs(high)) || high - low < 1e-100) {
    const double margin = low == 0 && high == 0 ? 0.5 : 0.1 * std::max(std::abs(low), 1e-90);
    low -= margin;
    high += margin;
  }
  Axis axis;
  double step = round_step((high - low) / options.max_ticks);
  if (options.whole) step = std::max(step, 1.0);
  const double slack = 1e-9 * step;
  if (options.grow_low) low = step * std::floor((low + slack) / step);
  if (options.grow_high) high = step * std::ceil((high - slack) / step);
  axis.low = low;
  axis.high = high;
  const double first = std::ceil((low - slack) / step);
  for (int n = 0;; ++n) {
    const double tick = (first + n) * step;
    if (tick > high + slack) break;
    axis.ticks.push_back(std::clamp(tick, low, high));
  }
  for (const double tick : axis.ticks) axis.labels.push_back(label(tick, step));
  return axis;
}

Axis log_axis(double low, double high) {
  low = std::clamp(finite_within(low, kLargest), kSmallestLog, kLargest);
  high = std::clamp(finite_within(high, kLargest), kSmallestLog, kLargest);
  if (low > high) std::swap(low, high);
  if (high < low * 1.1) {
    low /= 1.5;
    high *= 1.5;
  }
  // Round values around the range; the ticks are those from the last one at or below low to the
  // first one at or above high.
  const double decades = std::log10(high / low);
  const bool is_wide = decades > kMaxLogDecades;
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / kMaxLogLabels)));
  const int first = static_cast<int>(std::floor(std::log10(low) / stride)) - 1;
  const int last = static_cast<int>(std::ceil(std::log10(high) / stride)) + 1;
  std::vector<double> candidates;
  for (int n = first; n <= last; ++n) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (is_wide && factor != 1.0) continue;
      candidates.push_back(factor * std::pow(10.0, n * stride));
    }
  }
  const auto begin = std::upper_bound(candidates.begin(), candidates.end(), low * (1 + 1e-9)) - 1;
  const auto end = std::lower_bound(begin, candidates.end(), high * (1 - 1e-9)) + 1;
  Axis axis;
  axis.is_log = true;
  axis.ticks.assign(begin, end);
  axis.low = axis.ticks.front();
  axis.high = axis.ticks.back();
  for (const double tick : axis.ticks) axis.labels.push_back(fmt::format("{:.3g}", tick));
  return axis;
}

}  // namespace metaplastic
