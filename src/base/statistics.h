// Means and their standard errors, as tables and verdicts report them.
#pragma once

#include <span>

namespace metaplastic {

// The sum divided once, so that the mean of ones is 1. Values must not be empty.
double mean(std::span<const double> values);
// Of the mean, from the sample's own deviation: sqrt(sum (x - mean)^2 / (n - 1) / n); 0 for one
// value.
double standard_error(std::span<const double> values);

}  // namespace metaplastic
