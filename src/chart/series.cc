#include "chart/series.h"

#include <algorithm>
#include <cmath>

namespace metaplastic {

std::vector<Point> smoothed(const std::vector<Point>& points, std::size_t reach) {
  std::vector<double> sums = {0};
  std::vector<std::size_t> counts = {0};
  for (const Point& point : points) {
    const bool is_value = std::isfinite(point.y);
    sums.push_back(sums.back() + (is_value ? point.y : 0));
    counts.push_back(counts.back() + (is_value ? 1 : 0));
  }
  std::vector<Point> result;
  for (std::size_t n = 0; n < points.size(); ++n) {
    const std::size_t first = n - std::min(n, reach);
    const std::size_t end = std::min(points.size(), n + reach + 1);
    Point point{points[n].x, kNoValue, kNoValue};
    if (std::isfinite(points[n].y)) {
      point.y = (sums[end] - sums[first]) / static_cast<double>(counts[end] - counts[first]);
    }
    result.push_back(point);
  }
  return result;
}

std::vector<Point> thinned(const std::vector<Point>& points, std::size_t max_points) {
  if (points.size() <= max_points || max_points < 2) return points;
  const std::size_t num_stretches = max_points / 2;
  std::vector<Point> result;
  for (std::size_t s = 0; s < num_stretches; ++s) {
    const auto first =
        points.begin() + static_cast<std::ptrdiff_t>(s * points.size() / num_stretches);
    const auto end =
        points.begin() + static_cast<std::ptrdiff_t>((s + 1) * points.size() / num_stretches);
    auto low = end, high = end;
    for (auto point = first; point != end; ++point) {
      if (!std::isfinite(point->y)) continue;
      if (low == end || point->y < low->y) low = point;
      if (high == end || point->y > high->y) high = point;
    }
    if (low == end) {
      result.push_back(*first);  // a gap stays visible
      continue;
    }
    result.push_back(*std::min(low, high));
    if (low != high) result.push_back(*std::max(low, high));
  }
  return result;
}

}  // namespace metaplastic
