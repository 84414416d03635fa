// The PGM and PPM decoder behind read_image.h.
#include <algorithm>

#include "base/error.h"
#include "data/read_image.h"

namespace metaplastic::picture_detail {
namespace {

// PGM/PPM headers are words between white space; "#" starts a comment.
class PnmHeader {
 public:
  PnmHeader(std::span<const std::uint8_t> bytes, std::string_view name)
      : bytes_(bytes), name_(name) {}

  int number(const char* what) {
    skip_space();
    int value = 0, num_digits = 0;
    while (position < bytes_.size() && bytes_[position] >= '0' && bytes_[position] <= '9') {
      if (++num_digits > 8) break;
      value = value * 10 + (bytes_[position++] - '0');
    }
    if (num_digits == 0 || num_digits > 8) {
      fail(
          "{}: expected a number as the {} of a PGM or PPM image, found none at byte {}; replace "
          "the file",
          name_, what, position);
    }
    return value;
  }

  std::size_t position = 2;

 private:
  void skip_space() {
    while (position < bytes_.size()) {
      const std::uint8_t c = bytes_[position];
      if (c == '#') {
        while (position < bytes_.size() && bytes_[position] != '\n') ++position;
      } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
        ++position;
      } else {
        break;
      }
    }
  }

  std::span<const std::uint8_t> bytes_;
  std::string_view name_;
};

}  // namespace

DecodedImage decode_pnm(std::span<const std::uint8_t> bytes, std::string_view name) {
  const char type = static_cast<char>(bytes[1]);
  if (type != '2' && type != '3' && type != '5' && type != '6') {
    fail("{}: expected a PGM or PPM image (P2, P3, P5, P6), found P{}; convert it", name, type);
  }
  const bool plain = type < '4';  // decimal text
  PnmHeader header(bytes, name);
  const int width = header.number("width"), height = header.number("height");
  const int max_value = header.number("largest value");
  if (max_value < 1 || max_value > 65535) {
    fail("{}: expected 1 to 65535 as the largest value, found {}; replace the file", name,
         max_value);
  }
  const std::size_t value_size = plain ? 2 : max_value > 255 ? 2 : 1;
  // In text, a value takes at least one digit and one space, the last one perhaps without it.
  const std::int64_t channels = type == '3' || type == '6' ? 3 : 1;
  const std::uint64_t needed = static_cast<std::uint64_t>(width) * height * channels * value_size;
  const std::uint64_t left = bytes.size() - std::min(bytes.size(), header.position + 1);
  if (needed > left + (plain ? 1 : 0)) {
    fail("{}: expected {} bytes of pixels for {} x {}, found {}; the file is cut short", name,
         needed, width, height, left);
  }
  // Writers may end the file with a line feed; more would be a second image.
  if (!plain && left > needed + 1) {
    fail("{}: expected {} bytes of pixels for {} x {}, found {}; one image per file", name, needed,
         width, height, left);
  }
  DecodedImage picture = make_picture(height, width, static_cast<int>(channels), name);
  picture.is_deep = max_value > 255;
  const std::uint8_t* data = bytes.data() + header.position + 1;
  for (std::size_t n = 0; n < picture.pixels.size(); ++n) {
    const int value = plain             ? header.number("next pixel")
                      : value_size == 2 ? data[2 * n] * 256 + data[2 * n + 1]
                                        : data[n];
    if (value > max_value) {
      fail("{}: expected pixels up to {}, found {}; replace the file", name, max_value, value);
    }
    picture.pixels[n] = static_cast<std::uint8_t>((value * 255 + max_value / 2) / max_value);
  }
  return picture;
}

}  // namespace metaplastic::picture_detail
