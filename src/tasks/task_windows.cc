#include "tasks/task_windows.h"

#include <algorithm>

#include "data/normalise_windows.h"

namespace metaplastic {

void read_window(const TaskWindows& windows, std::span<const float> instance, int place,
                 std::span<float> out) {
  const std::size_t C = static_cast<std::size_t>(windows.shape.channels);
  const std::size_t row = static_cast<std::size_t>(windows.shape.width) * C;
  const std::size_t part = static_cast<std::size_t>(windows.width) * C;
  const auto top = static_cast<std::size_t>(place / windows.across() * windows.stride);
  const auto left = static_cast<std::size_t>(place % windows.across() * windows.stride);
  for (std::size_t y = 0; y < static_cast<std::size_t>(windows.height); ++y) {
    std::copy_n(instance.begin() + static_cast<std::ptrdiff_t>((top + y) * row + left * C), part,
                out.begin() + static_cast<std::ptrdiff_t>(y * part));
  }
  normalise_windows(out.data(), 1, static_cast<std::int64_t>(out.size()), windows.offset);
}

}  // namespace metaplastic
