// Compiled once per instruction set by Highway, as kernels.cc.
#include "tensor/nearest_columns.h"

#include <algorithm>
#include <bit>
#include <cstdint>

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

// A scan and its queries in tiles [tiles,k,kQueries], the last one filled up with zeros.
struct Scan {
  const ColumnScan& of;
  const float* tiles;
};

}  // namespace
}  // namespace metaplastic
#endif

HWY_BEFORE_NAMESPACE();
namespace metaplastic {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Hands over the distances of one query to columns from `first` on, from the first that is below
// its bound to the last: products [kVectors] of the two, squares and bounds as vectors or the same
// for all.
template <int kVectors, class D, class Squares, class Bounds>
HWY_INLINE void hand_over(const D d, const hn::Vec<D>* products, const Squares& squares,
                          const Bounds& bounds, const Scan& s, DistanceSink sink, int query,
                          int first) {
  const int N = static_cast<int>(hn::Lanes(d));
  const auto minus_two = hn::Set(d, -2.0f);
  hn::Vec<D> distances[kVectors];
  hn::Mask<D> are_near[kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    distances[v] = hn::MulAdd(minus_two, products[v], squares(v));
    are_near[v] = hn::Lt(distances[v], bounds(v));
  }
  auto is_near = are_near[0];
#pragma GCC unroll 16
  for (int v = 1; v < kVectors; ++v) is_near = hn::Or(is_near, are_near[v]);
  if (hn::AllFalse(d, is_near)) return;
  HWY_ALIGN float values[ColumnPanels::kWidth];
  std::ptrdiff_t begin = kVectors * N, end = 0;
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    hn::Store(distances[v], d, values + v * N);
    std::uint8_t bits[8] = {};
    hn::StoreMaskBits(d, are_near[v], bits);
    const auto mask = std::bit_cast<std::uint64_t>(bits);
    if (mask == 0) continue;
    begin = std::min<std::ptrdiff_t>(begin, v * N + std::countr_zero(mask));
    end = v * N + 64 - std::countl_zero(mask);
  }
  sink(s.of.self, query, first + static_cast<int>(begin), static_cast<int>(end - begin),
       values + begin);
}

// Columns [at, at + kVectors lanes) of a panel and the queries of a tile.
template <int kVectors, bool kBack>
HWY_INLINE void scan_tile(const Scan& s, int panel, int at, int tile) {
  const hn::ScalableTag<float> d;
  const ColumnPanels& columns = s.of.columns;
  const int N = static_cast<int>(hn::Lanes(d)), k = columns.rank();
  hn::Vec<decltype(d)> acc[kQueries][kVectors];
#pragma GCC unroll 16
  for (int q = 0; q < kQueries; ++q)
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[q][v] = hn::Zero(d);
  const float* a = s.tiles + std::ptrdiff_t{tile} * k * kQueries;
  const float* b = columns.panel(panel) + at;
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
  const int first = panel * ColumnPanels::kWidth + at;
#pragma GCC unroll 16
  for (int q = 0; q < kQueries; ++q) {
    const int query = tile * kQueries + q;
    if (query >= s.of.m) continue;
    const float* squares = columns.squares(panel) + at;
    const auto bound = hn::Set(d, s.of.bounds[query]);
    hand_over<kVectors>(
        d, acc[q], [&](int v) { return hn::LoadU(d, squares + v * N); }, [&](int) { return bound; },
        s, s.of.sink, query, first);
    if constexpr (kBack) {
      const auto square = hn::Set(d, s.of.query_squares[query]);
      const float* bounds = s.of.column_bounds + first;
      hand_over<kVectors>(
          d, acc[q], [&](int) { return square; },
          [&](int v) { return hn::LoadU(d, bounds + v * N); }, s, s.of.back_sink, query, first);
    }
  }
}

void scan(const Scan& s) {
  constexpr int kVectors = HWY_TARGET == HWY_AVX3 ? 4 : 2;
  const hn::ScalableTag<float> d;
  const int group = kVectors * static_cast<int>(hn::Lanes(d));
  const int num_tiles = (s.of.m + kQueries - 1) / kQueries;
  for (int panel = s.of.first_panel; panel < s.of.columns.num_panels(); ++panel)
    for (int at = 0; at < ColumnPanels::kWidth; at += group)
      for (int tile = 0; tile < num_tiles; ++tile)
        panel >= s.of.first_back_panel ? scan_tile<kVectors, true>(s, panel, at, tile)
                                       : scan_tile<kVectors, false>(s, panel, at, tile);
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

void scan_distances(const ColumnScan& scan) {
  kernels<float>();  // settles the instruction set
  const int k = scan.columns.rank(), m = scan.m;
  std::vector<float> tiles(static_cast<std::size_t>((m + kQueries - 1) / kQueries * kQueries) *
                           static_cast<std::size_t>(k));
  for (int i = 0; i < m; ++i) {
    float* tile = tiles.data() + std::ptrdiff_t{i / kQueries} * k * kQueries + i % kQueries;
    for (int row = 0; row < k; ++row) tile[row * kQueries] = scan.queries[row * scan.ld + i];
  }
  HWY_DYNAMIC_DISPATCH(scan)({scan, tiles.data()});
}

}  // namespace metaplastic
#endif  // HWY_ONCE
