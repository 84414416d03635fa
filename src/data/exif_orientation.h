// The EXIF orientation of a picture: how a viewer turns the stored pixels.
#pragma once

#include <cstdint>
#include <span>

#include "data/read_image.h"

namespace metaplastic {

// The orientation 1 to 8 in a block of EXIF data ("Exif", two zero bytes, then TIFF in either byte
// order); 1, as stored, where there is none or another number.
int find_orientation(std::span<const std::uint8_t> exif);

// Stored pixels to what is seen: 2 mirrored left to right, 3 turned by half, 4 mirrored top to
// bottom, 5 transposed, 6 turned clockwise, 7 transposed over the other diagonal, 8 turned
// anticlockwise.
void turn_upright(DecodedImage& picture, int orientation);

}  // namespace metaplastic
