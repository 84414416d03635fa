#include "apply/encoder.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensor/blas.h"
#include "tensor/kernels.h"

namespace metaplastic {
namespace {

// Rows that are in memory at once.
constexpr std::int64_t kBlockRows = 512;

// up [n,U_up] = act(lo [n,U_lo] W + b). Not by BLAS, which rounds a row differently in another
// shape of product or at another place in it: gemm_small adds up every element over U_lo in order,
// so that a row's features do not depend on its neighbours.
void run_layer(const FoldedLayer& layer, Unary activation, std::int64_t n, const float* lo,
               float* up, std::vector<float>& packed) {
  const auto U_up = static_cast<int>(layer.b.size());
  const auto U_lo = static_cast<int>(layer.W.size() / layer.b.size());
  for (std::int64_t i = 0; i < n; ++i) {
    std::copy(layer.b.begin(), layer.b.end(), up + i * U_up);
  }
  const int whole = (U_up + kPackMultiple - 1) / kPackMultiple * kPackMultiple;
  packed.resize(static_cast<std::size_t>(U_lo) * static_cast<std::size_t>(whole));
  kernels<float>().gemm_small(false, false, static_cast<int>(n), U_up, U_lo, 1.0f, lo, U_lo,
                              layer.W.data(), U_up, /*accumulate=*/true, up, U_up, packed.data());
  kernels<float>().map(activation, up, n * U_up, up, nullptr);
}

// Two blocks of activations, used in turn.
class BlockEncoder {
 public:
  BlockEncoder(const Encoder& encoder, int layer) : encoder_(encoder), layer_(layer) {
    METAPLASTIC_CHECK(layer >= 1 && layer <= encoder.num_layers());
    const auto& widths = encoder.architecture.widths;
    const int widest = *std::max_element(widths.begin(), widths.begin() + layer + 1);
    for (auto& block : blocks_) block.assign(static_cast<std::size_t>(kBlockRows * widest), 0.0f);
  }
  float* input() { return blocks_[0].data(); }
  // Features [count, U_layer] of the first rows in input().
  const float* run(std::int64_t count) {
    std::size_t at = 0;
    for (int l = 1; l <= layer_; ++l, at ^= 1) {
      run_layer(encoder_.layers[static_cast<std::size_t>(l - 1)], encoder_.architecture.activation,
                count, blocks_[at].data(), blocks_[at ^ 1].data(), packed_);
    }
    return blocks_[at].data();
  }

 private:
  const Encoder& encoder_;
  int layer_;
  std::vector<float> blocks_[2];  // [kBlockRows, widest layer]
  std::vector<float> packed_;     // a layer's weights as gemm_small wants them
};

}  // namespace

void encode(const Encoder& encoder, std::span<const float> rows, std::int64_t num_rows, int layer,
            std::span<float> out) {
  const std::int64_t U_0 = encoder.architecture.num_inputs();
  const std::int64_t U = encoder.architecture.widths[static_cast<std::size_t>(layer)];
  METAPLASTIC_CHECK(static_cast<std::int64_t>(rows.size()) == num_rows * U_0);
  METAPLASTIC_CHECK(static_cast<std::int64_t>(out.size()) == num_rows * U);
  BlockEncoder block(encoder, layer);
  for (std::int64_t first = 0; first < num_rows; first += kBlockRows) {
    const std::int64_t count = std::min(kBlockRows, num_rows - first);
    std::copy_n(rows.data() + first * U_0, count * U_0, block.input());
    std::copy_n(block.run(count), count * U, out.data() + first * U);
  }
}

void encode_rows(const Encoder& encoder, const RowSource& prepared, int layer,
                 const FeatureSink& sink) {
  const std::int64_t U_0 = encoder.architecture.num_inputs();
  const std::int64_t U = encoder.architecture.widths[static_cast<std::size_t>(layer)];
  if (prepared.num_features() != U_0) {
    fail("encoder: expected rows of {} inputs, found {}; use data of the kind it was made from",
         U_0, prepared.num_features());
  }
  BlockEncoder block(encoder, layer);
  for (std::int64_t first = 0; first < prepared.num_rows(); first += kBlockRows) {
    const std::int64_t count = std::min(kBlockRows, prepared.num_rows() - first);
    prepared.read_rows(first, count, {block.input(), static_cast<std::size_t>(count * U_0)});
    const std::span<const float> features(block.run(count), static_cast<std::size_t>(count * U));
    const auto bad = std::ranges::find_if(features, [](float v) { return !std::isfinite(v); });
    if (bad != features.end()) {
      fail("encoder: expected finite features, found {} for row {}; look at that row's values",
           *bad, first + (bad - features.begin()) / U);
    }
    sink(features, count);
  }
}

std::vector<FoldedLayer> fold_layers(const Architecture& architecture, std::span<const float> phi,
                                     std::span<const float> rows, std::int64_t num_rows) {
  METAPLASTIC_CHECK(num_rows >= 2);
  METAPLASTIC_CHECK(static_cast<std::int64_t>(phi.size()) == architecture.phi_size());
  METAPLASTIC_CHECK(static_cast<std::int64_t>(rows.size()) == num_rows * architecture.num_inputs());
  std::vector<FoldedLayer> layers;
  std::vector<float> lo(rows.begin(), rows.end()), up, packed;
  for (int l = 1; l <= architecture.num_layers(); ++l) {
    const int U_lo = architecture.widths[static_cast<std::size_t>(l - 1)];
    const int U_up = architecture.widths[static_cast<std::size_t>(l)];
    const LayerOffsets at = layer_offsets(architecture, l);
    FoldedLayer layer;
    layer.W.assign(phi.begin() + at.W, phi.begin() + at.W + std::int64_t{U_lo} * U_up);
    layer.b.assign(phi.begin() + at.b, phi.begin() + at.b + U_up);
    up.resize(static_cast<std::size_t>(num_rows * U_up));
    gemm(false, false, static_cast<int>(num_rows), U_up, U_lo, 1.0f, lo.data(), U_lo,
         layer.W.data(), U_up, 0.0f, up.data(), U_up);
    const auto width = static_cast<std::size_t>(U_up);
    std::vector<double> mean(width, 0.0), variance(width, 0.0);
    for (std::size_t i = 0; i < up.size(); ++i) mean[i % width] += static_cast<double>(up[i]);
    for (double& value : mean) value /= static_cast<double>(num_rows);
    for (std::size_t i = 0; i < up.size(); ++i) {
      const double centred = static_cast<double>(up[i]) - mean[i % width];
      variance[i % width] += centred * centred / static_cast<double>(num_rows);
    }
    for (std::size_t u = 0; u < width; ++u) {
      const double inv = 1.0 / std::sqrt(variance[u] + kBatchNormEps);
      for (std::size_t i = u; i < layer.W.size(); i += width) {
        layer.W[i] = static_cast<float>(static_cast<double>(layer.W[i]) * inv);
      }
      layer.b[u] = static_cast<float>(static_cast<double>(layer.b[u]) - mean[u] * inv);
    }
    run_layer(layer, architecture.activation, num_rows, lo.data(), up.data(), packed);
    lo.swap(up);
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace metaplastic
