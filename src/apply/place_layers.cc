#include "apply/place_layers.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "data/normalise_windows.h"
#include "tensor/kernels.h"

namespace metaplastic {
namespace {

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

// out [places,U_up]. What is computed at a time stays in the first-level cache.
void run_conv(const EncoderLayer& conv, Unary activation, WindowColumns& windows,
              const float* image, float* out, std::vector<float>& packed) {
  constexpr std::ptrdiff_t kPlaces = 48;  // a multiple of gemm_small's rows at a time
  const float* const columns = windows.read(image);
  const auto U_up = static_cast<std::ptrdiff_t>(conv.b.size());
  const std::ptrdiff_t places = std::ptrdiff_t{conv.out.height} * conv.out.width;
  for (std::ptrdiff_t first = 0; first < places; first += kPlaces)
    run_matrix(conv, activation, std::min(kPlaces, places - first),
               {columns + first, windows.row_stride(), true}, out + first * U_up, packed, 0);
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
  const bool is_max = pool.spec.pool == PoolKind::kMax;
  for (const PoolCell& row : rows) {
    for (const PoolCell& column : columns) {
      std::fill_n(out, C, is_max ? -std::numeric_limits<float>::infinity() : 0.0f);
      for (int y = row.begin; y < row.end; ++y) {
        for (int x = column.begin; x < column.end; ++x) {
          const float* const from = values + (y * W + x) * C;
          if (!is_max) {
            kernels<float>().add_to(from, C, true, out);
            continue;
          }
          for (std::int64_t c = 0; c < C; ++c) out[c] = std::max(out[c], from[c]);
        }
      }
      const auto count = static_cast<float>((row.end - row.begin) * (column.end - column.begin));
      if (!is_max) {
        for (std::int64_t c = 0; c < C; ++c) out[c] /= count;
      }
      if (pool.spec.pool == PoolKind::kRoot) {
        for (std::int64_t c = 0; c < C; ++c)
          out[c] = std::copysign(std::sqrt(std::abs(out[c])), out[c]);
      }
      out += C;
    }
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
  for (auto& values : values_) values.resize(static_cast<std::size_t>(widest));
}

void PlaceLayers::run(const float* image, float* out) {
  METAPLASTIC_CHECK(!layers_.empty());
  const float* from = image;
  auto windows = windows_.begin();
  for (std::size_t n = 0; n < layers_.size(); ++n) {
    const EncoderLayer& layer = layers_[n];
    float* const to = n + 1 == layers_.size() ? out : values_[n % 2].data();
    if (layer.spec.kind == LayerKind::kPool) {
      run_pool(layer, from, to);
    } else {
      run_conv(layer, activation_, *windows++, with_padding(layer, from, padded_), to, packed_);
    }
    from = to;
  }
}

}  // namespace metaplastic
