// How fast the tasks deliver: one family at a time without augmentation, then both with it.
#pragma once

#include <string>
#include <vector>

namespace metaplastic {

struct DataPathRate {
  std::string name;                // glyphs, fields, augmented
  double examples_per_second = 0;  // median over batches of 64, 14 x 14 pixels
  double task_ms = 0;              // median time to make one task
};

// Takes about num_tasks x 3 times 20 ms. Throws Error when too few fonts are installed, and
// std::runtime_error when a pixel is not within [0,1].
std::vector<DataPathRate> time_data_paths(int num_tasks);

}  // namespace metaplastic
