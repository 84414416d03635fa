// A stack of layers in words: "conv 128 7x7, pool 3x3, dense 128, dense 128".
// Grammar and meaning: docs/layers.md.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace metaplastic {

// dense UNITS [whiten]
// conv UNITS HxW [stride S] [padding P] [whiten] [sparse]
// pool HxW [mean|max|root]
// pool size HxW [stride S] [mean|max|root]
enum class LayerKind { kDense, kConv, kPool };
// What stands for the places of a cell: their mean, their maximum, or the root of their mean.
enum class PoolKind { kMean, kMax, kRoot };

struct LayerSpec {
  LayerKind kind = LayerKind::kDense;
  int units = 0;              // dense, conv
  int height = 1, width = 1;  // conv and pool by size: the window; pool: cells of the grid
  int stride = 1;             // conv and pool by size, down and across
  int padding = 0;            // conv: zeros around the image
  // conv: learns from whitened windows (apply/window_whitening.h). The first dense layer above
  // places: learns from inputs whitened by what changes between views (apply/view_whitening.h).
  bool whiten = false;
  bool sparse = false;   // conv: answers only above one deviation (apply/encoder.h)
  bool by_size = false;  // pool: windows of one size instead of a grid
  bool is_line = false;  // written as N instead of HxW: for a signal, whose height is 1
  PoolKind pool = PoolKind::kRoot;

  bool has_weights() const { return kind != LayerKind::kPool; }
  bool operator==(const LayerSpec&) const = default;
};

inline constexpr int kMaxStack = 32;     // layers of a stack, pools included
inline constexpr int kMaxWindow = 1024;  // side of a window, grid, stride or padding

// Throws Error, one line that quotes the layer at fault.
std::vector<LayerSpec> parse_layers(std::string_view text);
std::string layers_text(std::span<const LayerSpec> layers);  // parse_layers reads it back
std::string layer_text(const LayerSpec& layer);

// What layers take and give, [layers.size() + 1]: the input first. A dense layer gives {1,1,units}.
// Throws Error where a layer does not fit what is below it.
std::vector<ImageShape> layer_shapes(std::span<const LayerSpec> layers, const ImageShape& input);

// Cells of a pool along an axis of `size` places: cell i is [begin, end). Cells of a grid cover all
// places once, sizes differing by one at most.
struct PoolCell {
  int begin = 0, end = 0;
};
std::vector<PoolCell> pool_cells(const LayerSpec& pool, int size, bool is_down);

// Zeros above and below: none for a window of height 1 in a signal.
int padding_down(const LayerSpec& conv, const ImageShape& in);

// Inputs of a unit: of a dense layer all values, of a conv layer those of its window.
std::int64_t window_size(const LayerSpec& layer, const ImageShape& in);

}  // namespace metaplastic
