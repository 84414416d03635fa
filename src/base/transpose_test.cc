#include "base/transpose.h"

#include <gtest/gtest.h>

#include <numeric>
#include <utility>
#include <vector>

namespace metaplastic {
namespace {

// Beyond a tile and beyond a piece on either side.
TEST(Transpose, EveryValueIsAtItsPlace) {
  ThreadPool threads(2);
  for (const auto& [rows, columns] :
       {std::pair{1, 5}, {17, 33}, {1030, 18}, {18, 1030}, {1030, 1100}}) {
    const auto R = static_cast<std::size_t>(rows), N = static_cast<std::size_t>(columns);
    std::vector<float> values(R * N), alone(R * N), shared(R * N);
    std::iota(values.begin(), values.end(), 0.0f);
    transpose_rows(values, rows, alone);
    transpose_rows(values, rows, shared, &threads);
    for (std::size_t r = 0; r < R; ++r)
      for (std::size_t n = 0; n < N; ++n) ASSERT_EQ(alone[n * R + r], values[r * N + n]);
    EXPECT_EQ(alone, shared);
  }
}

}  // namespace
}  // namespace metaplastic
