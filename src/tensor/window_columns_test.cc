// Windows as columns, beside a twin that reads one window at a time.
#include "tensor/window_columns.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace metaplastic {
namespace {

// The window at (y, x), row by row with the channels of a pixel together, and normalised as
// data/normalise_windows.h says.
std::vector<float> window_of(const WindowShape& s, const std::vector<float>& image, int y, int x,
                             float offset) {
  std::vector<float> window;
  for (int dy = 0; dy < s.height; ++dy)
    for (int dx = 0; dx < s.width; ++dx)
      for (int c = 0; c < s.channels; ++c)
        window.push_back(image[static_cast<std::size_t>(
            ((y * s.stride + dy) * s.image_width + x * s.stride + dx) * s.channels + c)]);
  if (offset == 0) return window;
  const auto n = static_cast<float>(window.size());
  float sum = 0, squares = 0;
  for (const float value : window) sum += value;
  const float mean = sum / n;
  for (float& value : window) value -= mean, squares += value * value;
  const float scale = 1.0f / (std::sqrt(squares / n) + offset);
  for (float& value : window) value *= scale;
  return window;
}

// To the bit, on every instruction set; a second image leaves nothing of the first.
TEST(WindowColumnsKernel, EqualsTwin) {
  const WindowShape shapes[] = {{28, 28, 1, 7, 7, 1, 22, 22}, {8, 8, 3, 3, 3, 1, 6, 6},
                                {9, 40, 2, 4, 5, 1, 6, 36},   {7, 11, 3, 2, 3, 2, 3, 5},
                                {1, 64, 1, 1, 9, 3, 1, 19},   {5, 5, 1, 5, 5, 1, 1, 1},
                                {10, 6, 1, 3, 2, 4, 2, 2}};
  for (const WindowShape& s : shapes) {
    for (const float offset : {0.0f, 0.01f}) {
      SCOPED_TRACE(testing::Message() << s.image_height << "x" << s.image_width << ", " << offset);
      WindowColumns windows(s, offset);
      for (std::uint32_t stream = 0; stream < 2; ++stream) {
        Random random(1, Purpose::kTest, 0, stream);
        std::vector<float> image(
            static_cast<std::size_t>(s.image_height * s.image_width * s.channels));
        for (float& value : image) value = random.uniform();
        const float* const columns = windows.read(image.data());
        for (int y = 0; y < s.out_height; ++y)
          for (int x = 0; x < s.out_width; ++x) {
            const std::vector<float> expected = window_of(s, image, y, x, offset);
            std::vector<float> found;
            for (int i = 0; i < s.size(); ++i)
              found.push_back(columns[i * windows.row_stride() + y * s.out_width + x]);
            ASSERT_EQ(found, expected) << y << " " << x;
          }
      }
    }
  }
}

// To the bit, in the order of the rows, whatever the width; nothing beyond is written.
TEST(AddRowsKernel, EqualsTwin) {
  for (const int n : {1, 7, 16, 31, 32, 128, 131, 160})
    for (const int count : {0, 1, 5}) {
      SCOPED_TRACE(testing::Message() << count << " rows of " << n);
      Random random(2, Purpose::kTest);
      std::vector<float> x(static_cast<std::size_t>(n * count)),
          sums(static_cast<std::size_t>(n + 1));
      for (float& value : x) value = random.normal();
      for (float& value : sums) value = random.normal();
      std::vector<float> expected = sums;
      for (std::size_t i = 0; i < x.size(); ++i) expected[i % static_cast<std::size_t>(n)] += x[i];
      add_rows(x.data(), count, n, sums.data());
      ASSERT_EQ(sums, expected);
    }
}

}  // namespace
}  // namespace metaplastic
