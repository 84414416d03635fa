// The JPEG decoder behind read_image.h, on libjpeg.
// jpeglib.h needs FILE and size_t declared before it.
#include <cstddef>
#include <cstdio>
//
#include <jpeglib.h>
//
#include <jerror.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "data/exif_orientation.h"
#include "data/read_image.h"

namespace metaplastic::picture_detail {
namespace {

// A progressive file may ask for a pass over all pixels again and again.
constexpr int kMaxJpegScans = 200;
constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr unsigned kMaxMarkerBytes = 0xffff;

// libjpeg reports errors through a callback that must not return.
struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];  // of the error, or of the first warning
  bool is_damaged;                // pixels are missing, and libjpeg fills them in
};

[[noreturn]] void on_jpeg_error(j_common_ptr codec) {
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  errors->manager.format_message(codec, errors->message);
  std::longjmp(errors->jump, 1);
}

// Bytes that belong to nothing leave the pixels whole; after other warnings some are made up.
void keep_jpeg_message(j_common_ptr codec, int level) {
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  if (level >= 0) return;
  const int code = errors->manager.msg_code;
  const bool is_harmless = code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM ||
                           code == JWRN_JFIF_MAJOR || code == JWRN_NOT_SEQUENTIAL ||
                           code == JWRN_BOGUS_PROGRESSION;
  const bool is_first_damage = !is_harmless && !errors->is_damaged;
  if (errors->manager.num_warnings++ == 0 || is_first_damage) {
    errors->manager.format_message(codec, errors->message);
  }
  errors->is_damaged |= !is_harmless;
}

void ignore_jpeg_message(j_common_ptr) {}

void limit_jpeg_scans(j_common_ptr codec) {
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  if (reinterpret_cast<j_decompress_ptr>(codec)->input_scan_number <= kMaxJpegScans) return;
  std::snprintf(errors->message, sizeof errors->message, "more than %d scans", kMaxJpegScans);
  std::longjmp(errors->jump, 1);
}

// The steps that libjpeg may leave by longjmp: no object with a destructor lives in them.
bool read_jpeg_header(jpeg_decompress_struct& codec, JpegErrors& errors, const std::uint8_t* bytes,
                      std::size_t num_bytes) {
  if (setjmp(errors.jump)) return false;
  jpeg_mem_src(&codec, bytes, static_cast<unsigned long>(num_bytes));
  jpeg_save_markers(&codec, kExifMarker, kMaxMarkerBytes);
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
  return true;
}

// After the last pixel: an error there is about bytes that belong to nothing.
void read_jpeg_end(jpeg_decompress_struct& codec, JpegErrors& errors) {
  if (setjmp(errors.jump)) {
    ++errors.manager.num_warnings;
    return;
  }
  jpeg_finish_decompress(&codec);
}

int jpeg_orientation(const jpeg_decompress_struct& codec) {
  for (const jpeg_marker_struct* marker = codec.marker_list; marker; marker = marker->next) {
    if (marker->marker != kExifMarker || marker->data_length < 6) continue;
    if (std::memcmp(marker->data, "Exif\0\0", 6) != 0) continue;
    return find_orientation({marker->data, marker->data_length});
  }
  return 1;
}

// Four inks, inverted as Adobe's programs write them; peers read files without Adobe's marker so,
// too. The usual simple conversion, without a profile of the printer.
void inks_to_colour(std::span<const std::uint8_t> inks, DecodedImage& picture) {
  for (std::size_t n = 0, m = 0; n < picture.pixels.size(); m += 4) {
    const unsigned paper = inks[m + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      picture.pixels[n++] = static_cast<std::uint8_t>((inks[m + c] * paper + 127) / 255);
    }
  }
}

}  // namespace

DecodedImage decode_jpeg(std::span<const std::uint8_t> bytes, std::string_view name) {
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
  const int num_components = codec.num_components;
  if (num_components != 1 && num_components != 3 && num_components != 4) {
    fail("{}: expected a grey, colour or CMYK JPEG, found one of {} components; save it as RGB",
         name, num_components);
  }
  const bool has_inks = num_components == 4;
  codec.out_color_space = has_inks ? JCS_CMYK : num_components == 3 ? JCS_RGB : JCS_GRAYSCALE;
  DecodedImage picture =
      make_picture(codec.image_height, codec.image_width, num_components == 1 ? 1 : 3, name);
  const auto width = static_cast<std::size_t>(picture.width);
  if (has_inks) {
    std::vector<std::uint8_t> inks(static_cast<std::size_t>(picture.height) * width * 4);
    check(read_jpeg_rows(codec, errors, inks.data(), width * 4));
    inks_to_colour(inks, picture);
  } else {
    check(read_jpeg_rows(codec, errors, picture.pixels.data(),
                         width * static_cast<std::size_t>(num_components)));
  }
  const int orientation = jpeg_orientation(codec);  // libjpeg forgets its markers at the end
  read_jpeg_end(codec, errors);
  check(!errors.is_damaged);
  if (errors.manager.num_warnings > 0) picture.warning = errors.message;
  turn_upright(picture, orientation);
  return picture;
}

}  // namespace metaplastic::picture_detail
