// One picture of any size to the small grey image that a task family keeps.
#pragma once

#include <cstdint>
#include <span>

#include "data/read_image.h"

namespace metaplastic {

// Area average of the picture's luma onto side x side pixels (stretching where the aspect differs),
// out [side * side]. A two-valued picture is a drawing: its lines are first thickened to about one
// pixel of the result, and made bright on dark if the border of the picture is bright.
void shrink_picture(DecodedImage picture, int side, std::span<std::uint8_t> out);

}  // namespace metaplastic
