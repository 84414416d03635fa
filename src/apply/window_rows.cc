#include "apply/window_rows.h"

#include <algorithm>
#include <utility>

#include "apply/place_layers.h"
#include "data/dataset_rows.h"
#include "data/normalise_windows.h"

namespace metaplastic {

WindowRows::WindowRows(std::shared_ptr<const RowSource> images, const EncoderLayer& conv)
    : images_(std::move(images)),
      conv_(conv),
      num_places_(std::int64_t{conv.out.height} * conv.out.width),
      size_(static_cast<int>(window_size(conv.spec, conv.in))) {}

void WindowRows::read_one(const float* image, std::int64_t place, float* out) const {
  const LayerSpec& spec = conv_.spec;
  const int top =
      static_cast<int>(place / conv_.out.width) * spec.stride - padding_down(spec, conv_.in);
  const int left = static_cast<int>(place % conv_.out.width) * spec.stride - spec.padding;
  const std::int64_t C = conv_.in.channels;
  for (int y = top; y < top + spec.height; ++y) {
    for (int x = left; x < left + spec.width; ++x, out += C) {
      if (y < 0 || y >= conv_.in.height || x < 0 || x >= conv_.in.width) {
        std::fill_n(out, C, 0.0f);
      } else {
        std::copy_n(image + (std::int64_t{y} * conv_.in.width + x) * C, C, out);
      }
    }
  }
}

void WindowRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  check_row_range(*this, first, count, out);
  std::vector<float> image(static_cast<std::size_t>(images_->num_features()));
  std::int64_t held = -1;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t number = (first + i) / num_places_;
    if (number != held) images_->read_rows(number, 1, image);
    held = number;
    read_one(image.data(), (first + i) % num_places_, out.data() + i * size_);
  }
  if (conv_.window_offset != 0) normalise_windows(out.data(), count, size_, conv_.window_offset);
}

LayerRows::LayerRows(std::shared_ptr<const RowSource> images, std::vector<EncoderLayer> layers,
                     Unary activation)
    : images_(std::move(images)), layers_(std::move(layers)), activation_(activation) {}

void LayerRows::read_rows(std::int64_t first, std::int64_t count, std::span<float> out) const {
  check_row_range(*this, first, count, out);
  PlaceLayers places(layers_, activation_);
  std::vector<float> image(static_cast<std::size_t>(images_->num_features()));
  for (std::int64_t i = 0; i < count; ++i) {
    images_->read_rows(first + i, 1, image);
    places.run(image.data(), out.data() + i * num_features());
  }
}

}  // namespace metaplastic
