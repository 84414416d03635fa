// First-layer filters: each unit's incoming weights as a small image, many in one picture.
#pragma once

#include <string>
#include <vector>

#include "apply/encoder.h"

namespace metaplastic {

constexpr int kMaxFilters = 64;

// Weights of some units over the pixels, the shuffling of the inputs undone; colour channels
// averaged, and images above 32 pixels a side averaged over squares of pixels.
struct Filters {
  int height = 0, width = 0;
  std::vector<std::vector<float>> tiles;    // [num_filters][height * width]
  std::vector<std::vector<float>> colours;  // [num_filters][height * width * 3]; empty: grey images
};

// What a unit of layer 1 sees: a window of the prepared image, or all of it.
ImageShape seen_shape(const Encoder& encoder);

// Of the first units of layer 1; none when the encoder's inputs are no image.
Filters trained_filters(const Encoder& encoder);
// Of the same units before the first inner step, made again from the encoder's record; none where
// that would take more than 256 MiB.
Filters untrained_filters(const Encoder& encoder);

// Mean over the filters of the correlation between a pixel and its right and lower neighbours:
// about 0 for noise, towards 1 for smooth shapes. NaN without filters or where no pixel differs.
double smoothness(const Filters& filters);

enum class Theme { kLight, kDark };
// One picture of all filters, `columns` in a row, as a PNG file. Each filter is scaled by its own
// largest weight: one hue below zero, another above, the page's colour at zero; of colour images
// the colours that excite it, grey at zero. A weight is a square of zoom x zoom pixels.
std::vector<std::byte> filters_png(const Filters& filters, int columns, Theme theme, int zoom = 1);
// "data:image/png;base64,...".
std::string data_uri(const std::vector<std::byte>& png);

}  // namespace metaplastic
