#include "data/normalise_windows.h"

#include <array>
#include <cmath>
#include <cstddef>

namespace metaplastic {
namespace {

// kCount windows [kCount,size] at once. The sums of a window are added up one after the other, as
// those of one window are; several of them fill the time that an addition takes.
template <int kCount>
void normalise(float* const windows, std::int64_t size, float offset) {
  const auto n = static_cast<float>(size);
  std::array<float, kCount> sums{}, squares{};
  for (std::int64_t i = 0; i < size; ++i)
    for (int w = 0; w < kCount; ++w) sums[static_cast<std::size_t>(w)] += windows[w * size + i];
  for (int w = 0; w < kCount; ++w) {
    const float mean = sums[static_cast<std::size_t>(w)] / n;
    for (float* x = windows + w * size; x < windows + (w + 1) * size; ++x) *x -= mean;
  }
  for (std::int64_t i = 0; i < size; ++i)
    for (int w = 0; w < kCount; ++w) {
      const float x = windows[w * size + i];
      squares[static_cast<std::size_t>(w)] += x * x;
    }
  for (int w = 0; w < kCount; ++w) {
    const float scale = 1.0f / (std::sqrt(squares[static_cast<std::size_t>(w)] / n) + offset);
    for (float* x = windows + w * size; x < windows + (w + 1) * size; ++x) *x *= scale;
  }
}

}  // namespace

void normalise_windows(float* windows, std::int64_t count, std::int64_t size, float offset) {
  constexpr int kTogether = 8;
  std::int64_t w = 0;
  for (; w + kTogether <= count; w += kTogether)
    normalise<kTogether>(windows + w * size, size, offset);
  for (; w < count; ++w) normalise<1>(windows + w * size, size, offset);
}

}  // namespace metaplastic
