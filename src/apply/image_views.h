// Second views of images: the same image moved, seen in other light, or mirrored; and another place
// of the same image. docs/layers.md, "Second views".
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace metaplastic {

// neighbours: near examples, whatever they are (neighbours/views.h). places: of a conv layer, the
// window at another place of the image. shifts: the image moved by up to an eighth of its side,
// with another contrast and brightness. mirrors: the same, and every other one mirrored.
enum class ViewKind { kNeighbours, kPlaces, kShifts, kMirrors };
const std::vector<std::string>& view_kind_names();
ViewKind view_kind_from_name(std::string_view name);  // throws Error, with the names

// One view of each image, a function of (image, seed, row).
class ImageViews : public RowSource {
 public:
  std::int64_t num_rows() const override { return images_->num_rows(); }
  int num_features() const override { return images_->num_features(); }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;

 protected:
  ImageViews(std::shared_ptr<const RowSource> images, const ImageShape& shape, std::uint64_t seed);
  const ImageShape& shape() const { return shape_; }
  std::uint64_t seed() const { return seed_; }

 private:
  // Replaces an image by its view; scratch is as large as the image.
  virtual void view(std::int64_t row, std::span<float> image, std::span<float> scratch) const = 0;

  std::shared_ptr<const RowSource> images_;
  ImageShape shape_;
  std::uint64_t seed_;
};

// Views "shifts" and "mirrors".
class ViewedImages : public ImageViews {
 public:
  ViewedImages(std::shared_ptr<const RowSource> images, const ImageShape& shape, bool mirrors,
               std::uint64_t seed)
      : ImageViews(std::move(images), shape, seed), mirrors_(mirrors) {}

 private:
  void view(std::int64_t row, std::span<float> image, std::span<float> scratch) const override;

  bool mirrors_;
};

// Of windows, num_places of each image: the window at another place, a function of (seed, row).
class OtherPlaces : public RowSource {
 public:
  OtherPlaces(std::shared_ptr<const RowSource> windows, std::int64_t num_places, std::uint64_t seed)
      : windows_(std::move(windows)), num_places_(num_places), seed_(seed) {}
  std::int64_t num_rows() const override { return windows_->num_rows(); }
  int num_features() const override { return windows_->num_features(); }
  void read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const override;

 private:
  std::shared_ptr<const RowSource> windows_;
  std::int64_t num_places_;
  std::uint64_t seed_;
};

}  // namespace metaplastic
