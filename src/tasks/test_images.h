// What the tests of image families share.
#pragma once

#include <cstdint>
#include <vector>

#include "tasks/task_family.h"

namespace metaplastic {

using Image = std::vector<float>;  // [kSourcePixels]

// Instance n of class c; what is fresh in every drawing is a function of `step`.
inline Image draw_instance(const ClassSet& classes, int c, int n, std::uint32_t step) {
  Random random(2, Purpose::kTest, 1, step);
  Image image(kSourcePixels);
  classes.instance(c, n, random, image);
  return image;
}

}  // namespace metaplastic
