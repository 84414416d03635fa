// The decoders behind read_image.h: libpng, libjpeg, and PGM/PPM.
// jpeglib.h needs FILE and size_t declared before it.
#include <cstddef>
#include <cstdio>
//
#include <jpeglib.h>
#include <png.h>

#include <algorithm>
#include <csetjmp>

#include "base/error.h"
#include "base/text.h"
#include "data/read_image.h"

namespace metaplastic::picture_detail {
namespace {

// A progressive file may ask for a pass over all pixels again and again.
constexpr int kMaxJpegScans = 200;

// libjpeg reports errors through a callback that must not return.
struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_jpeg_error(j_common_ptr codec) {
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  errors->manager.format_message(codec, errors->message);
  std::longjmp(errors->jump, 1);
}

void keep_jpeg_message(j_common_ptr codec, int level) {
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  if (level >= 0) return;
  // A warning: damaged or missing data, which libjpeg would fill in with grey.
  if (errors->manager.num_warnings++ == 0) errors->manager.format_message(codec, errors->message);
}

void ignore_jpeg_message(j_common_ptr) {}

void limit_jpeg_scans(j_common_ptr codec) {
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  if (reinterpret_cast<j_decompress_ptr>(codec)->input_scan_number <= kMaxJpegScans) return;
  std::snprintf(errors->message, sizeof errors->message, "more than %d scans", kMaxJpegScans);
  std::longjmp(errors->jump, 1);
}

// The two steps that libjpeg may leave by longjmp: no object with a destructor lives in them.
bool read_jpeg_header(jpeg_decompress_struct& codec, JpegErrors& errors, const std::uint8_t* bytes,
                      std::size_t num_bytes) {
  if (setjmp(errors.jump)) return false;
  jpeg_mem_src(&codec, bytes, static_cast<unsigned long>(num_bytes));
  jpeg_read_header(&codec, TRUE);
  return true;
}

bool read_jpeg_rows(jpeg_decompress_struct& codec, JpegErrors& errors, std::uint8_t* pixels,
                    std::size_t row_size) {
  if (setjmp(errors.jump)) return false;
  jpeg_start_decompress(&codec);
  while (codec.output_scanline < codec.output_height) {
    JSAMPROW row = pixels + codec.output_scanline * row_size;
    jpeg_read_scanlines(&codec, &row, 1);
  }
  jpeg_finish_decompress(&codec);
  return codec.err->num_warnings == 0;
}

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

Picture decode_png(std::span<const std::uint8_t> bytes, std::string_view name) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  struct Guard {
    png_image* png;
    ~Guard() { png_image_free(png); }
  } guard{&png};
  // The simplified interface returns on errors and keeps the message. A warning (a bad check sum of
  // an extra chunk, say) leaves the pixels whole.
  const auto check = [&](int good) {
    if (good == 0) {
      fail("{}: expected a readable PNG file, found: {}; replace the file", name,
           printable(png.message));
    }
  };
  check(png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()));
  const bool colour = (png.format & PNG_FORMAT_FLAG_COLOR) != 0;
  Picture picture = make_picture(png.height, png.width, colour ? 3 : 1, name);
  png.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  const png_color black{0, 0, 0};
  check(png_image_finish_read(&png, &black, picture.pixels.data(), 0, nullptr));
  return picture;
}

Picture decode_jpeg(std::span<const std::uint8_t> bytes, std::string_view name) {
  JpegErrors errors{};
  jpeg_decompress_struct codec{};
  codec.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = on_jpeg_error;
  errors.manager.emit_message = keep_jpeg_message;
  errors.manager.output_message = ignore_jpeg_message;
  jpeg_create_decompress(&codec);
  struct Guard {
    jpeg_decompress_struct* codec;
    ~Guard() { jpeg_destroy_decompress(codec); }
  } guard{&codec};
  jpeg_progress_mgr progress{};
  progress.progress_monitor = limit_jpeg_scans;
  codec.progress = &progress;
  const auto check = [&](bool good) {
    if (!good) {
      fail("{}: expected a readable JPEG file, found: {}; replace the file", name,
           printable(errors.message));
    }
  };
  check(read_jpeg_header(codec, errors, bytes.data(), bytes.size()));
  if (codec.num_components != 1 && codec.num_components != 3) {
    fail("{}: expected a grey or colour JPEG, found one of {} components; save it as RGB", name,
         codec.num_components);
  }
  const bool colour = codec.num_components == 3;
  codec.out_color_space = colour ? JCS_RGB : JCS_GRAYSCALE;
  Picture picture = make_picture(codec.image_height, codec.image_width, colour ? 3 : 1, name);
  check(read_jpeg_rows(codec, errors, picture.pixels.data(),
                       static_cast<std::size_t>(picture.width) * picture.channels));
  return picture;
}

Picture decode_pnm(std::span<const std::uint8_t> bytes, std::string_view name) {
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
  Picture picture = make_picture(height, width, static_cast<int>(channels), name);
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
