#include "base/transpose.h"

#include <algorithm>

#include "base/error.h"

namespace metaplastic {

void transpose_rows(std::span<const float> values, int num_rows, std::span<float> out,
                    ThreadPool* threads) {
  METAPLASTIC_CHECK(values.size() == out.size() && num_rows >= 1);
  const auto R = static_cast<std::size_t>(num_rows);
  const std::size_t N = values.size() / R;
  constexpr std::size_t kTile = 16;  // a cache line on both sides
  constexpr std::size_t kPiece = 64 * kTile;
  const std::size_t across = (N + kPiece - 1) / kPiece, down = (R + kPiece - 1) / kPiece;
  share_out(threads, static_cast<int>(across * down), [&](int, int index) {
    const std::size_t piece = static_cast<std::size_t>(index);
    const std::size_t first_row = piece / across * kPiece, first_n = piece % across * kPiece;
    const std::size_t last_row = std::min(R, first_row + kPiece),
                      last_n = std::min(N, first_n + kPiece);
    for (std::size_t row = first_row; row < last_row; row += kTile)
      for (std::size_t begin = first_n; begin < last_n; begin += kTile)
        for (std::size_t n = begin; n < std::min(last_n, begin + kTile); ++n)
          for (std::size_t r = row; r < std::min(last_row, row + kTile); ++r)
            out[n * R + r] = values[r * N + n];
  });
}

}  // namespace metaplastic
