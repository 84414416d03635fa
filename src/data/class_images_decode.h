// PNG and JPEG bytes to a grey image, with every size checked before memory is taken.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace metaplastic {

struct GreyImage {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  // [height, width]
};

// Recognises the format by its first bytes. Colour becomes luma; transparency lies over black.
// `name` stands for the file in errors. Throws Error for other formats, damaged files and images
// of more than kMaxImagePixels.
inline constexpr std::int64_t kMaxImagePixels = 1 << 24;
GreyImage decode_image(std::span<const std::uint8_t> bytes, std::string_view name);

// Area average onto side x side pixels (stretching where the aspect differs), out [side * side].
// A two-valued image is a drawing: its lines are first thickened to about one pixel of the result,
// and made bright on dark if the border of the image is bright.
void shrink_image(const GreyImage& image, int side, std::span<std::uint8_t> out);

}  // namespace metaplastic
