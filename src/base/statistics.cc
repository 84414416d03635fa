#include "base/statistics.h"

#include <cmath>

#include "base/error.h"

namespace metaplastic {

double mean(std::span<const double> values) {
  METAPLASTIC_CHECK(!values.empty());
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double standard_error(std::span<const double> values) {
  const double centre = mean(values);
  const auto n = static_cast<double>(values.size());
  if (values.size() < 2) return 0;
  double square = 0;
  for (const double value : values) square += std::pow(value - centre, 2);
  return std::sqrt(square / (n - 1) / n);
}

}  // namespace metaplastic
