// The fold of a batch norm's statistics into weights (encoder.h:fold_layers).
#include <algorithm>
#include <cmath>

#include "apply/encoder.h"
#include "apply/place_layers.h"
#include "base/error.h"
#include "tensor/blas.h"

namespace metaplastic {
namespace {

// Rows and units of a piece of work: always the same, so that bits do not depend on threads. Rows
// are a multiple of OpenBLAS's blocks of 24, so that a product has the bits of one in one piece.
constexpr std::int64_t kPieceRows = 1008;
constexpr int kPieceUnits = 16;

// Calls body(first, last) for pieces of [0, count), shared by the threads.
template <class F>
void for_pieces(ThreadPool* threads, std::int64_t count, std::int64_t piece, const F& body) {
  share_out(threads, static_cast<int>((count + piece - 1) / piece), [&](int, int index) {
    const std::int64_t first = index * piece;
    body(first, std::min(count, first + piece));
  });
}

// The batch norm of units [first, last) over up [num_rows,width] goes into W's columns and b.
void fold_units(FoldedLayer& layer, std::span<const float> up, std::int64_t num_rows,
                std::size_t first, std::size_t last) {
  const std::size_t width = layer.b.size();
  std::vector<double> mean(last - first, 0.0), variance(last - first, 0.0);
  for (std::size_t row = 0; row < up.size(); row += width)
    for (std::size_t u = first; u < last; ++u) mean[u - first] += static_cast<double>(up[row + u]);
  for (double& value : mean) value /= static_cast<double>(num_rows);
  for (std::size_t row = 0; row < up.size(); row += width)
    for (std::size_t u = first; u < last; ++u) {
      const double centred = static_cast<double>(up[row + u]) - mean[u - first];
      variance[u - first] += centred * centred / static_cast<double>(num_rows);
    }
  for (std::size_t u = first; u < last; ++u) {
    const double inv = 1.0 / std::sqrt(variance[u - first] + kBatchNormEps);
    for (std::size_t i = u; i < layer.W.size(); i += width)
      layer.W[i] = static_cast<float>(static_cast<double>(layer.W[i]) * inv);
    layer.b[u] = static_cast<float>(static_cast<double>(layer.b[u]) - mean[u - first] * inv);
  }
}

}  // namespace

std::vector<FoldedLayer> fold_layers(const Architecture& architecture, std::span<const float> phi,
                                     std::span<const float> rows, std::int64_t num_rows,
                                     ThreadPool* threads) {
  METAPLASTIC_CHECK(num_rows >= 2);
  METAPLASTIC_CHECK(static_cast<std::int64_t>(phi.size()) == architecture.phi_size());
  METAPLASTIC_CHECK(static_cast<std::int64_t>(rows.size()) == num_rows * architecture.num_inputs());
  std::vector<FoldedLayer> layers;
  std::vector<float> below, up;
  const float* lo = rows.data();
  for (int l = 1; l <= architecture.num_layers(); ++l) {
    const int U_lo = architecture.widths[static_cast<std::size_t>(l - 1)];
    const int U_up = architecture.widths[static_cast<std::size_t>(l)];
    const LayerOffsets at = layer_offsets(architecture, l);
    FoldedLayer layer;
    layer.W.assign(phi.begin() + at.W, phi.begin() + at.W + std::int64_t{U_lo} * U_up);
    layer.b.assign(phi.begin() + at.b, phi.begin() + at.b + U_up);
    up.resize(static_cast<std::size_t>(num_rows * U_up));
    for_pieces(threads, num_rows, kPieceRows, [&](std::int64_t first, std::int64_t last) {
      gemm(false, false, static_cast<int>(last - first), U_up, U_lo, 1.0f, lo + first * U_lo, U_lo,
           layer.W.data(), U_up, 0.0f, up.data() + first * U_up, U_up);
    });
    for_pieces(threads, U_up, kPieceUnits, [&](std::int64_t first, std::int64_t last) {
      fold_units(layer, up, num_rows, static_cast<std::size_t>(first),
                 static_cast<std::size_t>(last));
    });
    if (l < architecture.num_layers()) {
      for_pieces(threads, num_rows, kPieceRows, [&](std::int64_t first, std::int64_t last) {
        std::vector<float> packed;
        run_folded(layer, architecture.activation, last - first, lo + first * U_lo,
                   up.data() + first * U_up, packed);
      });
      below.swap(up);
      lo = below.data();
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace metaplastic
