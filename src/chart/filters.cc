#include "chart/filters.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "apply/fit_encoder.h"
#include "base/error.h"
#include "base/random.h"

namespace metaplastic {
namespace {

constexpr int kMaxSide = 32;
constexpr std::int64_t kMaxUntrainedPhi = std::int64_t{1} << 26;

// order[u]: the pixel value that input u of the network reads. The same draw as in preparing rows.
std::vector<int> input_order(const Preprocess& preprocess, std::size_t num_inputs) {
  std::vector<int> order(num_inputs);
  std::iota(order.begin(), order.end(), 0);
  if (preprocess.permutation_seed) {
    Random(*preprocess.permutation_seed, Purpose::kPermutation).shuffle(std::span<int>(order));
  }
  return order;
}

bool has_filters(const Encoder& encoder) {
  return encoder.preprocess.kind == DataKind::kImage && encoder.layers.front().spec.has_weights();
}

// W [U_lo,U_up] of layer 1, row-major.
Filters filters_of(const Encoder& encoder, const float* W) {
  Filters filters;
  if (!has_filters(encoder)) return filters;
  const ImageShape image = seen_shape(encoder);
  const std::vector<int> order =
      input_order(encoder.preprocess, static_cast<std::size_t>(image.size()));
  METAPLASTIC_CHECK(image.size() == static_cast<std::int64_t>(order.size()));
  const int square = (std::max(image.height, image.width) + kMaxSide - 1) / kMaxSide;
  filters.height = (image.height + square - 1) / square;
  filters.width = (image.width + square - 1) / square;
  const std::size_t num_tile_pixels = static_cast<std::size_t>(filters.height * filters.width);
  // Where each input goes, and how many share the place.
  std::vector<std::size_t> place(order.size());
  std::vector<float> share(num_tile_pixels, 0.0f);
  for (std::size_t u = 0; u < order.size(); ++u) {
    const int pixel = order[u] / image.channels;
    const int y = pixel / image.width / square, x = pixel % image.width / square;
    place[u] = static_cast<std::size_t>(y * filters.width + x);
    share[place[u]] += 1.0f;
  }
  const auto U_up = static_cast<std::size_t>(encoder.layers.front().spec.units);
  filters.tiles.assign(std::min<std::size_t>(U_up, kMaxFilters),
                       std::vector<float>(num_tile_pixels, 0.0f));
  constexpr int kRgb = 3;
  if (image.channels == kRgb) {
    filters.colours.assign(filters.tiles.size(), std::vector<float>(num_tile_pixels * kRgb, 0.0f));
  }
  for (std::size_t u = 0; u < order.size(); ++u) {
    const auto channel = static_cast<std::size_t>(order[u] % image.channels);
    for (std::size_t n = 0; n < filters.tiles.size(); ++n) {
      const float weight = W[u * U_up + n] / share[place[u]];
      filters.tiles[n][place[u]] += weight;
      if (!filters.colours.empty()) filters.colours[n][place[u] * kRgb + channel] += kRgb * weight;
    }
  }
  return filters;
}

// Of a pixel and its right and lower neighbours; NaN where nothing differs.
double neighbour_correlation(const std::vector<float>& tile, int height, int width) {
  const double mean =
      std::accumulate(tile.begin(), tile.end(), 0.0) / static_cast<double>(tile.size());
  const auto at = [&](int y, int x) {
    return tile[static_cast<std::size_t>(y * width + x)] - mean;
  };
  double product = 0, variance = 0;
  std::int64_t num_pairs = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      variance += at(y, x) * at(y, x);
      if (x + 1 < width) product += at(y, x) * at(y, x + 1);
      if (y + 1 < height) product += at(y, x) * at(y + 1, x);
      num_pairs += (x + 1 < width) + (y + 1 < height);
    }
  }
  if (num_pairs == 0 || variance == 0) return std::numeric_limits<double>::quiet_NaN();
  return product / static_cast<double>(num_pairs) / (variance / static_cast<double>(tile.size()));
}

}  // namespace

ImageShape seen_shape(const Encoder& encoder) {
  const LayerSpec& spec = encoder.layers.front().spec;
  ImageShape image = encoder.preprocess.output_image;
  if (spec.kind == LayerKind::kConv) {
    image.height = spec.height;
    image.width = spec.width;
  }
  return image;
}

Filters trained_filters(const Encoder& encoder) {
  METAPLASTIC_CHECK(encoder.num_layers() >= 1);
  return filters_of(encoder, encoder.layers[0].W.data());
}

Filters untrained_filters(const Encoder& encoder) {
  if (!has_filters(encoder)) return {};
  const EncoderLayer& first = encoder.layers.front();
  const bool is_conv = first.spec.kind == LayerKind::kConv;
  Architecture architecture{{static_cast<int>(window_size(first.spec, first.in)), first.spec.units},
                            encoder.activation};
  if (!is_conv) architecture = encoder.dense_architecture();
  if (architecture.phi_size() > kMaxUntrainedPhi) return {};
  const PhiInit init = {encoder.record.weight_std, encoder.record.bias_std,
                        encoder.record.init == "truncated"};
  const std::vector<float> phi =
      make_phi<float>(architecture, init, Random(first_seed(encoder), Purpose::kPhiInit));
  return filters_of(encoder, phi.data() + layer_offsets(architecture, 1).W);
}

double smoothness(const Filters& filters) {
  double sum = 0;
  int count = 0;
  for (const std::vector<float>& tile : filters.tiles) {
    const double value = neighbour_correlation(tile, filters.height, filters.width);
    if (!std::isfinite(value)) continue;
    sum += value;
    ++count;
  }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / count;
}

}  // namespace metaplastic
