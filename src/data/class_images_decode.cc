#include "data/class_images_decode.h"

#include <jpeglib.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/error.h"

namespace metaplastic {
namespace {

void check_size(std::int64_t width, std::int64_t height, std::string_view name) {
  if (width < 1 || height < 1 || width > kMaxImagePixels / height) {
    fail("{}: expected an image of 1 to {} pixels, found {} x {}; scale it down", name,
         kMaxImagePixels, width, height);
  }
}

GreyImage decode_png(std::span<const std::uint8_t> bytes, std::string_view name) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  GreyImage image;
  const auto check = [&](bool good) {
    if (good) return;
    const std::string message = png.message;
    png_image_free(&png);
    fail("{}: expected a readable PNG file, found: {}; replace the file", name, message);
  };
  check(png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) != 0);
  try {
    check_size(png.width, png.height, name);
    image.width = static_cast<int>(png.width);
    image.height = static_cast<int>(png.height);
    png.format = PNG_FORMAT_GRAY;
    image.pixels.resize(PNG_IMAGE_SIZE(png));
  } catch (...) {
    png_image_free(&png);
    throw;
  }
  const png_color black{0, 0, 0};
  check(png_image_finish_read(&png, &black, image.pixels.data(), 0, nullptr) != 0);
  return image;
}

// libjpeg reports errors through a callback that must not return.
struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

void on_jpeg_error(j_common_ptr codec) {
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  errors->manager.format_message(codec, errors->message);
  std::longjmp(errors->jump, 1);
}

void on_jpeg_message(j_common_ptr) {}

// No object with a destructor is created between setjmp and longjmp. The steps return false after
// an error, with the message in `errors`.
bool read_jpeg_header(jpeg_decompress_struct& codec, JpegErrors& errors,
                      std::span<const std::uint8_t> bytes) {
  if (setjmp(errors.jump)) return false;
  jpeg_mem_src(&codec, bytes.data(), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&codec, TRUE);
  codec.out_color_space = JCS_GRAYSCALE;
  return true;
}

bool read_jpeg_rows(jpeg_decompress_struct& codec, JpegErrors& errors, std::uint8_t* pixels,
                    std::size_t width) {
  if (setjmp(errors.jump)) return false;
  jpeg_start_decompress(&codec);
  while (codec.output_scanline < codec.output_height) {
    JSAMPROW row = pixels + codec.output_scanline * width;
    jpeg_read_scanlines(&codec, &row, 1);
  }
  jpeg_finish_decompress(&codec);
  // Missing data is only a warning to libjpeg, which would fill in grey.
  return codec.err->num_warnings == 0;
}

GreyImage decode_jpeg(std::span<const std::uint8_t> bytes, std::string_view name) {
  JpegErrors errors{};
  std::strcpy(errors.message, "damaged data");
  jpeg_decompress_struct codec{};
  codec.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = on_jpeg_error;
  errors.manager.output_message = on_jpeg_message;
  jpeg_create_decompress(&codec);
  struct Guard {
    jpeg_decompress_struct* codec;
    ~Guard() { jpeg_destroy_decompress(codec); }
  } guard{&codec};
  const auto check = [&](bool good) {
    if (!good) {
      fail("{}: expected a readable JPEG file, found: {}; replace the file", name,
           std::string(errors.message));
    }
  };
  check(read_jpeg_header(codec, errors, bytes));
  check_size(codec.image_width, codec.image_height, name);
  GreyImage image;
  image.width = static_cast<int>(codec.image_width);
  image.height = static_cast<int>(codec.image_height);
  const auto width = static_cast<std::size_t>(image.width);
  image.pixels.resize(width * static_cast<std::size_t>(image.height));
  check(read_jpeg_rows(codec, errors, image.pixels.data(), width));
  return image;
}

bool is_two_valued(const GreyImage& image) {
  const std::uint8_t first = image.pixels[0];
  int second = -1;
  for (const std::uint8_t value : image.pixels) {
    if (value == first || value == second) continue;
    if (second >= 0) return false;
    second = value;
  }
  return second >= 0;
}

bool has_bright_border(const GreyImage& image) {
  std::int64_t sum = 0, count = 0;
  const auto add = [&](int x, int y) {
    sum += image.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                        static_cast<std::size_t>(x)];
    ++count;
  };
  for (int x = 0; x < image.width; ++x) {
    add(x, 0);
    add(x, image.height - 1);
  }
  for (int y = 0; y < image.height; ++y) {
    add(0, y);
    add(image.width - 1, y);
  }
  return sum > 127 * count;
}

// Each value becomes the largest within `radius` along a line of `count` values `stride` apart.
void dilate_line(std::uint8_t* line, int count, std::size_t stride, int radius,
                 std::vector<std::uint8_t>& copy) {
  copy.resize(static_cast<std::size_t>(count));
  for (int n = 0; n < count; ++n) {
    copy[static_cast<std::size_t>(n)] = line[static_cast<std::size_t>(n) * stride];
  }
  for (int n = 0; n < count; ++n) {
    const auto begin = copy.begin() + std::max(0, n - radius);
    const auto end = copy.begin() + std::min(count, n + radius + 1);
    line[static_cast<std::size_t>(n) * stride] = *std::max_element(begin, end);
  }
}

GreyImage prepare_drawing(GreyImage image, int side) {
  const bool invert = has_bright_border(image);
  const std::uint8_t threshold =
      static_cast<std::uint8_t>((*std::max_element(image.pixels.begin(), image.pixels.end()) +
                                 *std::min_element(image.pixels.begin(), image.pixels.end())) /
                                2);
  for (std::uint8_t& value : image.pixels) value = (value > threshold) != invert ? 255 : 0;
  // Pens of about 3 pixels in 105 (Omniglot) come to 1.3 pixels of 28.
  const int radius =
      std::min(8, static_cast<int>(std::lround(0.27 * std::min(image.width, image.height) / side)));
  if (radius == 0) return image;
  std::vector<std::uint8_t> copy;
  const auto width = static_cast<std::size_t>(image.width);
  for (int y = 0; y < image.height; ++y) {
    dilate_line(&image.pixels[static_cast<std::size_t>(y) * width], image.width, 1, radius, copy);
  }
  for (int x = 0; x < image.width; ++x) {
    dilate_line(&image.pixels[static_cast<std::size_t>(x)], image.height, width, radius, copy);
  }
  return image;
}

// For each target pixel the first source pixel it touches and the share it has of each one.
struct Axis {
  std::vector<int> first;
  std::vector<std::vector<float>> weights;
  Axis(int from, int to) {
    const double scale = static_cast<double>(from) / to;
    for (int n = 0; n < to; ++n) {
      const double low = n * scale, high = (n + 1) * scale;
      const int begin = static_cast<int>(low);
      const int end = std::min(from, static_cast<int>(std::ceil(high - 1e-9)));
      first.push_back(begin);
      weights.emplace_back();
      for (int s = begin; s < end; ++s) {
        const double part = std::min(high, s + 1.0) - std::max(low, static_cast<double>(s));
        weights.back().push_back(static_cast<float>(part / scale));
      }
    }
  }
};

}  // namespace

GreyImage decode_image(std::span<const std::uint8_t> bytes, std::string_view name) {
  constexpr std::uint8_t kPngStart[] = {0x89, 'P', 'N', 'G'};
  constexpr std::uint8_t kJpegStart[] = {0xff, 0xd8, 0xff};
  const auto starts = [&](std::span<const std::uint8_t> magic) {
    return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
  };
  if (starts(kPngStart)) return decode_png(bytes, name);
  if (starts(kJpegStart)) return decode_jpeg(bytes, name);
  fail("{}: expected a PNG or JPEG image, found {} bytes of something else; convert or remove it",
       name, bytes.size());
}

void shrink_image(const GreyImage& image, int side, std::span<std::uint8_t> out) {
  METAPLASTIC_CHECK(out.size() == static_cast<std::size_t>(side * side));
  GreyImage drawing;
  const bool drawn = is_two_valued(image);
  if (drawn) drawing = prepare_drawing(image, side);
  const GreyImage& source = drawn ? drawing : image;
  const Axis across(source.width, side), down(source.height, side);
  const auto width = static_cast<std::size_t>(source.width);
  std::vector<float> row(width);
  for (int y = 0; y < side; ++y) {
    const auto n = static_cast<std::size_t>(y);
    std::fill(row.begin(), row.end(), 0.0f);
    for (std::size_t v = 0; v < down.weights[n].size(); ++v) {
      const std::uint8_t* from =
          &source.pixels[(static_cast<std::size_t>(down.first[n]) + v) * width];
      for (std::size_t x = 0; x < width; ++x) row[x] += down.weights[n][v] * from[x];
    }
    for (int x = 0; x < side; ++x) {
      const auto m = static_cast<std::size_t>(x);
      float sum = 0;
      for (std::size_t u = 0; u < across.weights[m].size(); ++u) {
        sum += across.weights[m][u] * row[static_cast<std::size_t>(across.first[m]) + u];
      }
      out[n * static_cast<std::size_t>(side) + m] =
          static_cast<std::uint8_t>(std::clamp(std::lround(sum), 0l, 255l));
    }
  }
}

}  // namespace metaplastic
