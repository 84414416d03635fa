// Layers that see an image as places: conv and pool. One image at a time, so that memory does not
// grow with the number of images and an image's features do not depend on its neighbours.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "apply/encoder.h"
#include "tensor/window_columns.h"

namespace metaplastic {

// up [n,U_up] = act(lo [n,U_lo] W + b). `packed` is scratch. A row's bits do not depend on n or on
// its place. Sums of `inputs_at_once` products each are added up; 0: one sum of all.
void run_folded(const FoldedLayer& layer, Unary activation, std::int64_t n, const float* lo,
                float* up, std::vector<float>& packed, int inputs_at_once = 0);

// All windows [places, height * width * channels] of an image [in.height,in.width,in.channels],
// normalised as the layer says; padding is 0 before that.
void read_windows(const EncoderLayer& conv, const float* image, std::vector<float>& padded,
                  float* windows);

// out [cells,channels] of values [in.height,in.width,channels].
void run_pool(const EncoderLayer& pool, const float* values, float* out);

// Which cell of a pool's grid each place of its input belongs to, [height * width], and how many
// places each cell has.
struct GridCells {
  explicit GridCells(const EncoderLayer& pool);
  std::vector<std::int64_t> cell_of_place, num_places;
};

// Conv and pool layers in a row; for one thread. A conv layer right below a grid is pooled while
// its values are in the cache.
class PlaceLayers {
 public:
  PlaceLayers(std::span<const EncoderLayer> layers, Unary activation);
  std::int64_t num_inputs() const { return layers_.empty() ? 0 : layers_.front().in.size(); }
  std::int64_t num_outputs() const { return layers_.empty() ? 0 : layers_.back().out.size(); }
  // image [num_inputs] -> out [num_outputs]; at least one layer.
  void run(const float* image, float* out);

 private:
  void run_conv_and_pool(const EncoderLayer& conv, const EncoderLayer& pool, const GridCells& grid,
                         WindowColumns& windows, const float* image, float* out);

  std::span<const EncoderLayer> layers_;
  Unary activation_;
  std::vector<float> values_[2];                 // what layers give, in turn
  std::vector<WindowColumns> windows_;           // of each conv layer
  std::vector<std::optional<GridCells>> grids_;  // of pools right above a conv layer
  std::vector<float> padded_, packed_, places_;
};

}  // namespace metaplastic
