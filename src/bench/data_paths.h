// How fast the tasks deliver: one family at a time without augmentation, and images with it.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace metaplastic {

struct DataPathRate {
  std::string name;                // glyphs, fields, augmented (both), tables, words
  double examples_per_second = 0;  // median over batches of 64; images of 14 x 14 pixels
  double task_ms = 0;              // median time to make one task
};

// Takes about num_tasks x 5 times 20 ms. Throws Error when too few fonts are installed,
// std::runtime_error when a number of a batch is out of range, and Stopped when should_stop, which
// may be empty, says so.
std::vector<DataPathRate> time_data_paths(int num_tasks,
                                          const std::function<bool()>& should_stop = {});

}  // namespace metaplastic
