// Images that are kept as bytes, prepared in one pass: the same bits as by resize_area.
#pragma once

#include <cstdint>
#include <span>

#include "data/preprocess.h"

namespace metaplastic {

// Whether prepare_byte_image can make the inputs: pixels need no check, channels stay, and sides
// stay or shrink by whole factors.
bool takes_bytes(const Preprocess& preprocess, const Dataset& raw);

// An image as bytes [in.height,in.width,channels] -> its share of pixel_max, resized by area.
void prepare_byte_image(std::span<const std::uint8_t> image, const ImageShape& in,
                        const ImageShape& to, float pixel_max, std::span<float> out);

}  // namespace metaplastic
