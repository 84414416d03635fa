#include "data/normalise_windows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace metaplastic {
namespace {

// A window's bits do not depend on the windows around it; they have mean 0 and, without an offset,
// deviation 1.
TEST(NormaliseWindows, EachAsIfItWereAlone) {
  for (const int size : {2, 9, 49}) {
    for (const int count : {1, 7, 8, 9, 19}) {
      std::vector<float> windows(static_cast<std::size_t>(count * size));
      for (std::size_t n = 0; n < windows.size(); ++n)
        windows[n] = static_cast<float>(n * n * 37 % 101) / 7;
      std::vector<float> alone = windows;
      normalise_windows(windows.data(), count, size, 0);
      for (int w = 0; w < count; ++w) {
        float* const own = alone.data() + w * size;
        normalise_windows(own, 1, size, 0);
        double sum = 0, square = 0;
        for (int i = 0; i < size; ++i) {
          sum += static_cast<double>(own[i]);
          square += static_cast<double>(own[i]) * static_cast<double>(own[i]);
        }
        EXPECT_NEAR(sum / size, 0, 1e-5) << w;
        EXPECT_NEAR(std::sqrt(square / size), 1, 1e-5) << w;
      }
      EXPECT_EQ(windows, alone) << size << " " << count;
    }
  }
}

}  // namespace
}  // namespace metaplastic
