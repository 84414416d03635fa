#include "data/normalise_windows.h"

#include <cmath>

namespace metaplastic {

void normalise_windows(float* windows, std::int64_t count, std::int64_t size, float offset) {
  const auto n = static_cast<float>(size);
  for (std::int64_t w = 0; w < count; ++w) {
    float* const x = windows + w * size;
    float sum = 0, square = 0;
    for (std::int64_t i = 0; i < size; ++i) sum += x[i];
    const float mean = sum / n;
    for (std::int64_t i = 0; i < size; ++i) {
      x[i] -= mean;
      square += x[i] * x[i];
    }
    const float scale = 1.0f / (std::sqrt(square / n) + offset);
    for (std::int64_t i = 0; i < size; ++i) x[i] *= scale;
  }
}

}  // namespace metaplastic
