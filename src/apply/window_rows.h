// What a conv layer learns from: an example is a window of an image, an (image, place).
// docs/layers.md.
#pragma once

#include <memory>
#include <vector>

#include "apply/encoder.h"
#include "data/dataset.h"

namespace metaplastic {

// Pixels are in [0,1]: windows that vary less than this count as flat.
inline constexpr float kWindowOffset = 0.01f;
// Channels of signals have deviation 1.
inline constexpr float kSignalWindowOffset = 0.1f;

// Windows [images * places, window size] of rows that are images of shape conv.in, normalised as
// the layer says; the places of an image one after the other, row by row.
class WindowRows : public RowSource {
 public:
  WindowRows(std::shared_ptr<const RowSource> images, const EncoderLayer& conv);
  std::int64_t num_rows() const override { return images_->num_rows() * num_places_; }
  int num_features() const override { return size_; }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;

 private:
  void read_one(const float* image, std::int64_t place, float* out) const;

  std::shared_ptr<const RowSource> images_;
  EncoderLayer conv_;
  std::int64_t num_places_;
  int size_;
};

// What some layers make of images, computed when read.
class LayerRows : public RowSource {
 public:
  // Conv and pool layers, at least one.
  LayerRows(std::shared_ptr<const RowSource> images, std::vector<EncoderLayer> layers,
            Unary activation);
  std::int64_t num_rows() const override { return images_->num_rows(); }
  int num_features() const override { return static_cast<int>(layers_.back().out.size()); }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;

 private:
  std::shared_ptr<const RowSource> images_;
  std::vector<EncoderLayer> layers_;
  Unary activation_;
};

}  // namespace metaplastic
