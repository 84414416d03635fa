// Windows of a task's images or signals as examples of their own: what a conv layer learns from.
// An example is an (image, place), as when a rule is applied (docs/layers.md).
#pragma once

#include <span>
#include <vector>

#include "data/dataset.h"

namespace metaplastic {

struct TaskWindows {
  ImageShape shape;           // of the instances
  int height = 1, width = 1;  // of a window
  int stride = 1;
  int cells_down = 1, cells_across = 1;  // of the pool above the conv layer
  float offset = 0.01f;                  // added to a window's deviation

  int down() const { return (shape.height - height) / stride + 1; }
  int across() const { return (shape.width - width) / stride + 1; }
  int places() const { return down() * across(); }
  int size() const { return height * width * shape.channels; }
};

// Layers below those that learn: they answer to the windows of instances.
class WindowAnswers {
 public:
  virtual ~WindowAnswers() = default;
  virtual int num_answers() const = 0;
  // windows [size,num_instances places] -> [num_answers,num_instances]. May be called by several
  // threads.
  virtual std::vector<float> answer(std::span<const float> windows, int num_instances) const = 0;
};

// out [size] of an instance [height,width,channels]: less its mean, over its deviation + offset.
void read_window(const TaskWindows& windows, std::span<const float> instance, int place,
                 std::span<float> out);

}  // namespace metaplastic
