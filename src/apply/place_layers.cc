#include "apply/place_layers.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "data/normalise_windows.h"
#include "tensor/kernels.h"

namespace metaplastic {
namespace {

constexpr std::int64_t kPlacesAtOnce = 24;  // a multiple of gemm_small's rows at a time

// The image with `padding` zeros around it; `padded` stays empty, and the image is given back,
// where there are none.
const float* with_padding(const EncoderLayer& conv, const float* image,
                          std::vector<float>& padded) {
  if (conv.spec.padding == 0) return image;
  const auto C = static_cast<std::size_t>(conv.in.channels);
  const auto H = static_cast<std::size_t>(conv.in.height),
             W = static_cast<std::size_t>(conv.in.width);
  const auto top = static_cast<std::size_t>(padding_down(conv.spec, conv.in));
  const auto left = static_cast<std::size_t>(conv.spec.padding);
  const std::size_t stride = (W + 2 * left) * C;
  padded.assign((H + 2 * top) * stride, 0.0f);
  for (std::size_t y = 0; y < H; ++y) {
    std::copy_n(image + y * W * C, W * C, padded.data() + (y + top) * stride + left * C);
  }
  return padded.data();
}

// [n,U_lo], or its transpose.
struct LowerValues {
  const float* data;
  std::ptrdiff_t ld;
  bool is_transposed;
};

// run_folded, of a matrix that lies as `lo` says.
void run_matrix(const FoldedLayer& layer, Unary activation, std::int64_t n, const LowerValues& lo,
                float* up, std::vector<float>& packed, int inputs_at_once) {
  const auto U_up = static_cast<int>(layer.b.size());
  const auto U_lo = static_cast<int>(layer.W.size() / layer.b.size());
  for (std::int64_t i = 0; i < n; ++i) {
    std::copy(layer.b.begin(), layer.b.end(), up + i * U_up);
  }
  // Weights whose rows are whole vectors are read where they lie.
  const int whole = (U_up + kPackMultiple - 1) / kPackMultiple * kPackMultiple;
  if (whole != U_up)
    packed.resize(static_cast<std::size_t>(U_lo) * static_cast<std::size_t>(whole));
  const int most = inputs_at_once > 0 ? inputs_at_once : U_lo;
  for (int first = 0; first < U_lo; first += most) {
    kernels<float>().gemm_small(lo.is_transposed, false, static_cast<int>(n), U_up,
                                std::min(most, U_lo - first), 1.0f,
                                lo.data + first * (lo.is_transposed ? lo.ld : 1), lo.ld,
                                layer.W.data() + std::ptrdiff_t{first} * U_up, U_up,
                                /*accumulate=*/true, up, U_up, packed.data());
  }
  kernels<float>().map(activation, up, n * U_up, up, nullptr);
}

WindowShape window_shape(const EncoderLayer& conv) {
  const LayerSpec& spec = conv.spec;
  const auto whole = [](auto value) { return static_cast<int>(value); };
  return {whole(conv.in.height) + 2 * padding_down(spec, conv.in),
          whole(conv.in.width) + 2 * spec.padding,
          whole(conv.in.channels),
          spec.height,
          spec.width,
          spec.stride,
          whole(conv.out.height),
          whole(conv.out.width)};
}

// Calls body(first place, number of places, how to compute their values [number,U_up]) for some
// places at a time, whose values stay in the first-level cache.
template <class F>
void run_conv(const EncoderLayer& conv, Unary activation, WindowColumns& windows,
              const float* image, std::vector<float>& packed, const F& body) {
  const float* const columns = windows.read(image);
  const std::int64_t places = std::int64_t{conv.out.height} * conv.out.width;
  for (std::int64_t first = 0; first < places; first += kPlacesAtOnce) {
    const std::int64_t count = std::min(kPlacesAtOnce, places - first);
    body(first, count, [&](float* values) {
      run_matrix(conv, activation, count, {columns + first, windows.row_stride(), true}, values,
                 packed, 0);
    });
  }
}

// Cells of a pool, each of C values: empty ones, more places, and what they stand for.
void begin_cells(PoolKind kind, std::int64_t num_values, float* cells) {
  std::fill_n(cells, num_values,
              kind == PoolKind::kMax ? -std::numeric_limits<float>::infinity() : 0.0f);
}
// values [count,C], of places of one cell.
void add_places(PoolKind kind, const float* values, std::int64_t count, std::int64_t C,
                float* cell) {
  if (kind != PoolKind::kMax) return add_rows(values, count, C, cell);
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t c = 0; c < C; ++c) cell[c] = std::max(cell[c], values[i * C + c]);
}
void finish_cell(PoolKind kind, std::int64_t num_places, std::int64_t C, float* cell) {
  if (kind == PoolKind::kMax) return;
  const auto count = static_cast<float>(num_places);
  for (std::int64_t c = 0; c < C; ++c) cell[c] /= count;
  if (kind != PoolKind::kRoot) return;
  for (std::int64_t c = 0; c < C; ++c)
    cell[c] = std::copysign(std::sqrt(std::abs(cell[c])), cell[c]);
}

}  // namespace

// Not by BLAS, which rounds a row differently in another shape of product or at another place in
// it: gemm_small adds up every element over U_lo in order.
void run_folded(const FoldedLayer& layer, Unary activation, std::int64_t n, const float* lo,
                float* up, std::vector<float>& packed, int inputs_at_once) {
  const auto U_lo = static_cast<std::ptrdiff_t>(layer.W.size() / layer.b.size());
  run_matrix(layer, activation, n, {lo, U_lo, false}, up, packed, inputs_at_once);
}

void read_windows(const EncoderLayer& conv, const float* image, std::vector<float>& padded,
                  float* windows) {
  const LayerSpec& spec = conv.spec;
  const float* const from = with_padding(conv, image, padded);
  const std::size_t C = static_cast<std::size_t>(conv.in.channels);
  const std::size_t row = static_cast<std::size_t>(conv.in.width + 2 * spec.padding) * C;
  const std::size_t part = static_cast<std::size_t>(spec.width) * C;
  const std::size_t step = static_cast<std::size_t>(spec.stride);
  float* to = windows;
  for (std::size_t y = 0; y < static_cast<std::size_t>(conv.out.height); ++y) {
    for (std::size_t x = 0; x < static_cast<std::size_t>(conv.out.width); ++x) {
      for (std::size_t dy = 0; dy < static_cast<std::size_t>(spec.height); ++dy) {
        to = std::copy_n(from + (y * step + dy) * row + x * step * C, part, to);
      }
    }
  }
  if (conv.window_offset == 0) return;
  normalise_windows(windows, std::int64_t{conv.out.height} * conv.out.width,
                    window_size(spec, conv.in), conv.window_offset);
}

void run_pool(const EncoderLayer& pool, const float* values, float* out) {
  const std::vector<PoolCell> rows = pool_cells(pool.spec, pool.in.height, true);
  const std::vector<PoolCell> columns = pool_cells(pool.spec, pool.in.width, false);
  const std::int64_t C = pool.in.channels, W = pool.in.width;
  begin_cells(pool.spec.pool, pool.out.size(), out);
  for (const PoolCell& row : rows) {
    for (const PoolCell& column : columns) {
      for (int y = row.begin; y < row.end; ++y)
        add_places(pool.spec.pool, values + (y * W + column.begin) * C, column.end - column.begin,
                   C, out);
      finish_cell(pool.spec.pool, (row.end - row.begin) * (column.end - column.begin), C, out);
      out += C;
    }
  }
}

GridCells::GridCells(const EncoderLayer& pool)
    : cell_of_place(static_cast<std::size_t>(pool.in.height * pool.in.width)),
      num_places(static_cast<std::size_t>(pool.out.height * pool.out.width)) {
  const std::vector<PoolCell> rows = pool_cells(pool.spec, pool.in.height, true);
  const std::vector<PoolCell> columns = pool_cells(pool.spec, pool.in.width, false);
  std::int64_t cell = 0;
  for (const PoolCell& row : rows)
    for (const PoolCell& column : columns) {
      for (int y = row.begin; y < row.end; ++y)
        for (int x = column.begin; x < column.end; ++x) {
          cell_of_place[static_cast<std::size_t>(y * pool.in.width + x)] = cell;
          ++num_places[static_cast<std::size_t>(cell)];
        }
      ++cell;
    }
}

PlaceLayers::PlaceLayers(std::span<const EncoderLayer> layers, Unary activation)
    : layers_(layers), activation_(activation) {
  std::int64_t widest = 0;
  for (const EncoderLayer& layer : layers) {
    METAPLASTIC_CHECK(layer.spec.kind != LayerKind::kDense);
    widest = std::max(widest, layer.out.size());
    if (layer.spec.kind == LayerKind::kConv)
      windows_.emplace_back(window_shape(layer), layer.window_offset);
  }
  grids_.resize(layers.size());
  for (std::size_t n = 1; n < layers.size(); ++n) {
    const LayerSpec& pool = layers[n].spec;
    const bool is_grid = pool.kind == LayerKind::kPool && !pool.by_size;
    if (is_grid && layers[n - 1].spec.kind == LayerKind::kConv) grids_[n].emplace(layers[n]);
  }
  for (auto& values : values_) values.resize(static_cast<std::size_t>(widest));
}

// A place has its values added to those of its cell in the order of run_pool.
void PlaceLayers::run_conv_and_pool(const EncoderLayer& conv, const EncoderLayer& pool,
                                    const GridCells& grid, WindowColumns& windows,
                                    const float* image, float* out) {
  const std::int64_t C = conv.out.channels;
  const PoolKind kind = pool.spec.pool;
  const auto at = [](std::int64_t place) { return static_cast<std::size_t>(place); };
  places_.resize(static_cast<std::size_t>(kPlacesAtOnce * C));
  begin_cells(kind, pool.out.size(), out);
  run_conv(conv, activation_, windows, image, packed_,
           [&](std::int64_t first, std::int64_t count, const auto& compute) {
             compute(places_.data());
             for (std::int64_t i = 0, end = 0; i < count; i = end) {
               const std::int64_t cell = grid.cell_of_place[at(first + i)];
               while (end < count && grid.cell_of_place[at(first + end)] == cell) ++end;
               add_places(kind, places_.data() + i * C, end - i, C, out + cell * C);
             }
           });
  for (std::size_t cell = 0; cell < grid.num_places.size(); ++cell, out += C)
    finish_cell(kind, grid.num_places[cell], C, out);
}

void PlaceLayers::run(const float* image, float* out) {
  METAPLASTIC_CHECK(!layers_.empty());
  const float* from = image;
  auto windows = windows_.begin();
  for (std::size_t n = 0; n < layers_.size(); ++n) {
    const EncoderLayer& layer = layers_[n];
    const bool is_pooled = n + 1 < layers_.size() && grids_[n + 1];
    const std::size_t end = n + (is_pooled ? 2 : 1);
    float* const to = end == layers_.size() ? out : values_[n % 2].data();
    if (layer.spec.kind == LayerKind::kPool) {
      run_pool(layer, from, to);
    } else if (is_pooled) {
      const float* const padded = with_padding(layer, from, padded_);
      run_conv_and_pool(layer, layers_[n + 1], *grids_[n + 1], *windows++, padded, to);
    } else {
      run_conv(layer, activation_, *windows++, with_padding(layer, from, padded_), packed_,
               [&](std::int64_t first, std::int64_t, const auto& compute) {
                 compute(to + first * layer.out.channels);
               });
    }
    n = end - 1;
    from = to;
  }
}

}  // namespace metaplastic
