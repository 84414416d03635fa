// Rows of features as points of a plane.
#pragma once

#include <span>
#include <vector>

namespace metaplastic {

// The two principal components of features [num_rows, F]: [num_rows, 2]. With earlier points of the
// same rows the plane is turned, and mirrored, so that points move as little as possible: a picture
// of a network that learns does not jump.
std::vector<float> principal_plane(std::span<const float> features, int num_rows,
                                   std::span<const float> earlier);

}  // namespace metaplastic
