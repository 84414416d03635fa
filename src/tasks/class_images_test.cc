#include "tasks/class_images.h"

#include <gtest/gtest.h>
#include <jpeglib.h>
#include <png.h>
#include <zip.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.h"
#include "tasks/class_images_shrink.h"

namespace metaplastic {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

Bytes png_bytes(int width, int height, const Bytes& pixels) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(width);
  png.height = static_cast<png_uint_32>(height);
  png.format = PNG_FORMAT_GRAY;
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&png, nullptr, &size, 0, pixels.data(), 0, nullptr);
  Bytes bytes(size);
  EXPECT_TRUE(png_image_write_to_memory(&png, bytes.data(), &size, 0, pixels.data(), 0, nullptr));
  bytes.resize(size);
  return bytes;
}

Bytes jpeg_bytes(int side, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  jpeg_compress_struct codec{};
  jpeg_error_mgr errors{};
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&codec, &memory, &size);
  codec.image_width = codec.image_height = static_cast<JDIMENSION>(side);
  codec.input_components = 3;
  codec.in_color_space = JCS_RGB;
  jpeg_set_defaults(&codec);
  jpeg_start_compress(&codec, TRUE);
  Bytes row;
  for (int x = 0; x < side; ++x) row.insert(row.end(), {red, green, blue});
  for (int y = 0; y < side; ++y) {
    JSAMPROW rows[] = {row.data()};
    jpeg_write_scanlines(&codec, rows, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  Bytes bytes(memory, memory + size);
  std::free(memory);
  return bytes;
}

void write_file(const fs::path& path, const Bytes& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

// A flat grey image whose value tells where it came from.
Bytes flat_png(int value) {
  return png_bytes(30, 20, Bytes(600, static_cast<std::uint8_t>(value)));
}

std::string error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    return text;
  }
  ADD_FAILURE() << "expected an Error";
  return {};
}

class ClassImagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() /
            ("metaplastic_images_" + std::to_string(::getpid()) + "_" +
             ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string path(const std::string& name) const { return (root_ / name).string(); }

  // num_classes folders of 6 images; image n of class c has the grey value 10 c + n.
  void write_classes(const std::string& folder, int num_classes) const {
    for (int c = 0; c < num_classes; ++c) {
      for (int n = 0; n < 6; ++n) {
        write_file(root_ / folder / ("kind" + std::to_string(c)) / (std::to_string(n) + ".png"),
                   flat_png(10 * c + n));
      }
    }
  }

  fs::path root_;
};

TEST(ImageShrink, ColourBecomesLuma) {
  Bytes out(kSourcePixels);
  shrink_picture(decode_picture(jpeg_bytes(16, 200, 100, 50), "x.jpg"), kSourceSide, out);
  EXPECT_NEAR(out[100], 0.299 * 200 + 0.587 * 100 + 0.114 * 50, 3);
}

TEST(ImageShrink, ShrinkingIsTheAreaMean) {
  DecodedImage image{84, 56, 1, Bytes(56 * 84)};
  for (std::size_t p = 0; p < image.pixels.size(); ++p) {
    image.pixels[p] = static_cast<std::uint8_t>((p * 37) % 251);
  }
  Bytes out(kSourcePixels);
  shrink_picture(image, kSourceSide, out);
  for (int y = 0; y < kSourceSide; ++y) {
    for (int x = 0; x < kSourceSide; ++x) {
      double sum = 0;
      for (int v = 0; v < 3; ++v) {
        for (int u = 0; u < 2; ++u) {
          sum += image.pixels[static_cast<std::size_t>((3 * y + v) * 56 + 2 * x + u)];
        }
      }
      EXPECT_NEAR(out[static_cast<std::size_t>(y * kSourceSide + x)], sum / 6, 0.51);
    }
  }
  // 32 to 28 is no whole ratio: a flat image must stay flat.
  shrink_picture({32, 32, 1, Bytes(1024, 77)}, kSourceSide, out);
  EXPECT_EQ(std::count(out.begin(), out.end(), 77), kSourcePixels);
}

TEST(ImageShrink, DrawingsBecomeBrightOnDarkAndThicker) {
  DecodedImage dark_on_bright{105, 105, 1, Bytes(105 * 105, 255)};
  for (int y = 20; y < 80; ++y) {
    for (int x = 50; x < 53; ++x) dark_on_bright.pixels[static_cast<std::size_t>(y * 105 + x)] = 0;
  }
  DecodedImage bright_on_dark = dark_on_bright;
  for (std::uint8_t& value : bright_on_dark.pixels) value = static_cast<std::uint8_t>(255 - value);
  Bytes one(kSourcePixels), two(kSourcePixels);
  shrink_picture(dark_on_bright, kSourceSide, one);
  shrink_picture(bright_on_dark, kSourceSide, two);
  EXPECT_EQ(one, two);
  EXPECT_EQ(one[0], 0);
  int across = 0;
  for (int x = 0; x < kSourceSide; ++x)
    across += one[static_cast<std::size_t>(14 * kSourceSide + x)];
  EXPECT_NEAR(across / 255.0, 5 * 28.0 / 105, 0.02);  // 3 pixels, one more on each side
}

TEST_F(ClassImagesTest, FoldersBecomeClassesAndSplitsAreDisjoint) {
  write_classes("photos", 10);
  write_file(root_ / "photos" / "kind0" / "notes.txt", {1, 2, 3});
  const ClassImageFamily family(parse_task_source("photos=" + path("photos")), 5, 0.15f);
  EXPECT_EQ(family.left_out(),
            "image source 'photos': left out 1 file ending in .txt (kind0/notes.txt)");
  EXPECT_EQ(family.max_classes(Split::kTrain), 8);
  EXPECT_EQ(family.max_classes(Split::kValidation), 2);
  std::set<std::string> all;
  for (const Split split : {Split::kTrain, Split::kValidation}) {
    for (const std::string& name : family.class_names(split)) all.insert(name);
  }
  EXPECT_EQ(all.size(), 10u);
  Random random(1, Purpose::kTest);
  const auto classes = family.draw_classes(Split::kTrain, 8, random);
  std::vector<float> image(kSourcePixels);
  std::set<int> class_values;
  for (int c = 0; c < 8; ++c) {
    ASSERT_EQ(classes->num_instances(c), 5);  // capped
    std::set<int> values;
    for (int n = 0; n < 5; ++n) {
      classes->instance(c, n, random, image);
      values.insert(static_cast<int>(std::lround(255 * image[300])));
    }
    EXPECT_EQ(values.size(), 5u);
    EXPECT_EQ(*values.rbegin() - *values.begin(), 4);  // the first five by name, of one class
    class_values.insert(*values.begin());
  }
  EXPECT_EQ(class_values.size(), 8u);
}

TEST_F(ClassImagesTest, AZipGivesTheSameClassesAsTheFolder) {
  write_classes("photos", 5);
  int code = 0;
  zip_t* archive = zip_open(path("photos.zip").c_str(), ZIP_CREATE, &code);
  ASSERT_NE(archive, nullptr);
  for (int c = 4; c >= 0; --c) {
    for (int n = 5; n >= 0; --n) {
      const std::string name = "kind" + std::to_string(c) + "/" + std::to_string(n) + ".png";
      zip_source_t* entry = zip_source_file(archive, path("photos/" + name).c_str(), 0, -1);
      ASSERT_GE(zip_file_add(archive, name.c_str(), entry, 0), 0);
    }
  }
  ASSERT_EQ(zip_close(archive), 0);
  const ClassImageFamily folder(parse_task_source("p=" + path("photos")), 100, 0.15f);
  const ClassImageFamily zip(parse_task_source("p=" + path("photos.zip")), 100, 0.15f);
  EXPECT_EQ(folder.describe(), zip.describe());
  EXPECT_NE(folder.describe().find("5 classes, 30 images"), std::string::npos);

  // Half of the archive: one line that names it.
  fs::resize_file(path("photos.zip"), fs::file_size(path("photos.zip")) / 2);
  const std::string error =
      error_of([&] { ClassImageFamily(parse_task_source("p=" + path("photos.zip")), 100, 0.15f); });
  EXPECT_NE(error.find("photos.zip"), std::string::npos) << error;
}

TEST_F(ClassImagesTest, BadSourcesGetOneLineThatNamesThem) {
  const auto build = [&](const std::string& folder) {
    return error_of([&] { ClassImageFamily(parse_task_source("p=" + path(folder)), 9, 0.15f); });
  };
  EXPECT_NE(build("missing").find("missing"), std::string::npos);
  write_classes("few", 3);
  EXPECT_NE(build("few").find("at least 4 classes"), std::string::npos);
  write_classes("bad", 4);
  write_file(root_ / "bad" / "kind1" / "2.png", {'n', 'o', 'p', 'e'});
  EXPECT_NE(build("bad").find("kind1/2.png"), std::string::npos);
}

}  // namespace
}  // namespace metaplastic
