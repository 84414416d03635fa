// Compiled once per instruction set by Highway, as kernels.cc.
#include "tensor/nearest_columns.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "tensor/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/nearest_columns.cc"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#ifndef METAPLASTIC_NEAREST_COLUMNS_ONCE
#define METAPLASTIC_NEAREST_COLUMNS_ONCE
namespace metaplastic {
namespace {

constexpr int kQueries = 6;  // of a register tile

// What a scan reads: queries in tiles [tiles,k,kQueries], the last one filled up with zeros.
struct Scan {
  const ColumnPanels& columns;
  const float* tiles;
  int m;
  float* bounds;
  DistanceSink sink;
  void* self;
};

}  // namespace
}  // namespace metaplastic
#endif

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Columns [at, at + kVectors lanes) of a panel and the queries of a tile.
template <int kVectors>
HWY_INLINE void scan_tile(const Scan& s, int panel, int at, int tile) {
  const hn::ScalableTag<float> d;
  const int N = static_cast<int>(hn::Lanes(d)), k = s.columns.rank();
  hn::Vec<decltype(d)> acc[kQueries][kVectors];
#pragma GCC unroll 16
  for (int q = 0; q < kQueries; ++q)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[q][v] = hn::Zero(d);
  const float* a = s.tiles + std::ptrdiff_t{tile} * k * kQueries;
  const float* b = s.columns.panel(panel) + at;
  for (int row = 0; row < k; ++row, a += kQueries, b += ColumnPanels::kWidth) {
    hn::Vec<decltype(d)> x[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) x[v] = hn::LoadU(d, b + v * N);
#pragma GCC unroll 16
    for (int q = 0; q < kQueries; ++q) {
      const auto value = hn::Set(d, a[q]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[q][v] = hn::MulAdd(value, x[v], acc[q][v]);
    }
  }
  const float* squares = s.columns.squares(panel) + at;
  const auto minus_two = hn::Set(d, -2.0f);
#pragma GCC unroll 16
  for (int q = 0; q < kQueries; ++q) {
    auto least = hn::Set(d, std::numeric_limits<float>::infinity());
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      acc[q][v] = hn::MulAdd(minus_two, acc[q][v], hn::LoadU(d, squares + v * N));
      least = hn::Min(least, acc[q][v]);
    }
    const int query = tile * kQueries + q;
    if (query >= s.m || hn::AllFalse(d, hn::Lt(least, hn::Set(d, s.bounds[query])))) continue;
    HWY_ALIGN float distances[ColumnPanels::kWidth];
    for (int v = 0; v < kVectors; ++v) hn::Store(acc[q][v], d, distances + v * N);
    s.sink(s.self, query, panel * ColumnPanels::kWidth + at, kVectors * N, distances);
  }
}

void scan(const Scan& s) {
  constexpr int kVectors = HWY_TARGET == HWY_AVX3 ? 4 : 2;
  const hn::ScalableTag<float> d;
  const int group = kVectors * static_cast<int>(hn::Lanes(d));
  const int num_tiles = (s.m + kQueries - 1) / kQueries;
  for (int panel = 0; panel < s.columns.num_panels(); ++panel)
    for (int at = 0; at < ColumnPanels::kWidth; at += group)
      for (int tile = 0; tile < num_tiles; ++tile) scan_tile<kVectors>(s, panel, at, tile);
}

}  // namespace HWY_NAMESPACE
}  // namespace metaplastic
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace metaplastic {
namespace {
HWY_EXPORT(scan);
}  // namespace

ColumnPanels::ColumnPanels(std::span<const float> columns, std::span<const float> squares)
    : rank_(squares.empty() ? 0 : static_cast<int>(columns.size() / squares.size())) {
  const std::size_t P = squares.size(), width = kWidth, panels = (P + width - 1) / width;
  const auto k = static_cast<std::size_t>(rank_);
  METAPLASTIC_CHECK(columns.size() == k * P);
  values_.resize(panels * k * width);
  squares_.assign(panels * width, std::numeric_limits<float>::infinity());
  std::ranges::copy(squares, squares_.begin());
  for (std::size_t n = 0; n < panels; ++n)
    for (std::size_t row = 0; row < k; ++row) {
      const std::span<const float> from =
          columns.subspan(row * P + n * width, std::min(width, P - n * width));
      std::ranges::copy(from, values_.begin() + static_cast<std::ptrdiff_t>((n * k + row) * width));
    }
}

void scan_distances(const float* queries, std::ptrdiff_t ld, int m, const ColumnPanels& columns,
                    float* bounds, DistanceSink sink, void* self) {
  kernels<float>();  // settles the instruction set
  const int k = columns.rank();
  std::vector<float> tiles(static_cast<std::size_t>((m + kQueries - 1) / kQueries * kQueries) *
                           static_cast<std::size_t>(k));
  for (int i = 0; i < m; ++i) {
    float* tile = tiles.data() + std::ptrdiff_t{i / kQueries} * k * kQueries + i % kQueries;
    for (int row = 0; row < k; ++row) tile[row * kQueries] = queries[row * ld + i];
  }
  HWY_DYNAMIC_DISPATCH(scan)({columns, tiles.data(), m, bounds, sink, self});
}

}  // namespace metaplastic
#endif  // HWY_ONCE
