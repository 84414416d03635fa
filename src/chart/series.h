// Curves made ready for drawing: smoothed, and thinned to what a drawing can show.
#pragma once

#include <cstddef>
#include <vector>

#include "chart/chart.h"

namespace metaplastic {

// Each value becomes the mean of itself and its neighbours up to `reach` places away on either
// side, as far as there are any and without gaps. Gaps stay gaps. Errors are dropped.
std::vector<Point> smoothed(const std::vector<Point>& points, std::size_t reach);

// At most about max_points points: of each stretch the lowest and the highest, in their order.
std::vector<Point> thinned(const std::vector<Point>& points, std::size_t max_points);

}  // namespace metaplastic
