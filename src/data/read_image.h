// PNG, JPEG and PGM/PPM bytes to 8-bit pixels, with every size checked before memory is taken; and
// resizing by area.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metaplastic {

inline constexpr int kMaxImageSide = 16384;
inline constexpr std::int64_t kMaxPicturePixels = std::int64_t{1} << 26;  // 64 Mpixel
inline constexpr std::int64_t kMaxPictureBytes = std::int64_t{1} << 28;   // of a file

// What lies under transparent pixels; kError refuses images that have any.
enum class Background { kWhite, kBlack, kError };

struct DecodedImage {
  int height = 0, width = 0, channels = 0;  // 1 grey or 3 colour
  std::vector<std::uint8_t> pixels;         // [height, width, channels]
  // What was decided on the way, for notes; the pixels are whole.
  bool is_transparent = false;  // some pixel was laid over the background
  bool is_deep = false;         // 16 bits became 8
  std::string warning = {};     // of the JPEG library, or empty
};

// Recognises the format by its first bytes, and shows the image as viewers do: turned by its EXIF
// orientation, laid over the background. Grey stays grey; palettes and CMYK become colour; 16 bits
// become 8, by the same greys. `name` stands for the file in errors. Throws Error for other
// formats, damaged or incomplete files, and images beyond the limits above.
DecodedImage decode_picture(std::span<const std::uint8_t> bytes, std::string_view name,
                            Background background = Background::kWhite);

// 0.299 red + 0.587 green + 0.114 blue.
inline float luma(float red, float green, float blue) {
  return 0.299f * red + 0.587f * green + 0.114f * blue;
}
// Colour to grey in place, rounded; a grey picture stays.
void make_grey(DecodedImage& picture);
// Grey to three equal channels; a colour picture stays.
void make_colour(DecodedImage& picture);
// resize_area in bytes, rounded.
void resize_picture(DecodedImage& picture, int height, int width);

// Target pixels per source pixel, along a side.
float shrink_scale(int from, int to);
// The mean of the source area under each target pixel: `in` [height, width, channels] to `out`
// [out_height, out_width, channels], the aspect ratio as given. Shrinking bytes by a whole factor
// gives exact sums, so that 28 -> 14 is the 2 x 2 mean to the last bit.
void resize_area(std::span<const float> in, int height, int width, int channels,
                 std::span<float> out, int out_height, int out_width);

namespace picture_detail {
// One per format; decode_picture chooses.
DecodedImage decode_png(std::span<const std::uint8_t> bytes, std::string_view name,
                        Background background = Background::kWhite);
DecodedImage decode_jpeg(std::span<const std::uint8_t> bytes, std::string_view name);
DecodedImage decode_pnm(std::span<const std::uint8_t> bytes, std::string_view name);
// Takes the pixels' memory after checking the size. Throws Error.
DecodedImage make_picture(std::int64_t height, std::int64_t width, int channels,
                          std::string_view name);
}  // namespace picture_detail

}  // namespace metaplastic
