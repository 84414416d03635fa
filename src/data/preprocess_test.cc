#include "data/preprocess.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "data/dataset_rows.h"
#include "data/dataset_test_files.h"
#include "data/read_image.h"
#include "io/npy.h"

namespace metaplastic {
namespace {

using Names = std::vector<std::string>;

Dataset image_data(std::vector<float> values, ImageShape shape, float pixel_max) {
  Dataset data;
  data.name = "pictures";
  data.kind = DataKind::kImage;
  data.image = shape;
  data.pixel_max = pixel_max;
  data.rows = rows_of(std::move(values), static_cast<int>(shape.size()));
  data.first_test_row = data.num_rows();
  return data;
}

Dataset csv_data(const TestFolder& folder, const std::string& content, const std::string& options) {
  static int count = 0;
  return load_dataset("csv:" + write_test_file(folder, std::to_string(++count) + ".csv", content) +
                      options);
}

// Saved and loaded again: what an encoder file does.
Preprocess reloaded(const Preprocess& preprocess) {
  return from_saved(to_saved(preprocess), "encoder");
}

TEST(Preprocess, HalvingAnImageIsExactlyTheMeanOfFour) {
  std::vector<float> values;
  for (int n = 0; n < 28 * 28 * 2; ++n) values.push_back(static_cast<float>(n * 37 % 256));
  const Dataset data = image_data(values, {28, 28, 1}, 255);
  PreprocessOptions options;
  options.resize = 14;
  const Preprocess preprocess = reloaded(fit_preprocess(data, options));
  EXPECT_EQ(preprocess.num_inputs(), 196);
  const std::vector<float> out = apply_preprocess(preprocess, data);
  ASSERT_EQ(out.size(), 2u * 196);
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t y = 0; y < 14; ++y) {
      for (std::size_t x = 0; x < 14; ++x) {
        const float* corner = &values[n * 784 + 2 * y * 28 + 2 * x];
        const float mean = (corner[0] + corner[1] + corner[28] + corner[29]) / 4;
        ASSERT_EQ(out[n * 196 + y * 14 + x], mean / 255);
      }
    }
  }
}

// Against a mean over a fine grid of samples.
TEST(Preprocess, ResizingKeepsAreaForAnyFactor) {
  const int sizes[][4] = {{5, 7, 3, 2}, {3, 2, 5, 7}, {8, 8, 3, 3}, {1, 4, 1, 3}};
  for (const auto& [height, width, to_height, to_width] : sizes) {
    std::vector<float> in(static_cast<std::size_t>(height * width * 3));
    for (std::size_t n = 0; n < in.size(); ++n) in[n] = static_cast<float>(n * 37 % 101);
    std::vector<float> out(static_cast<std::size_t>(to_height * to_width * 3));
    resize_area(in, height, width, 3, out, to_height, to_width);
    for (int y = 0; y < to_height; ++y) {
      for (int x = 0; x < to_width; ++x) {
        for (int c = 0; c < 3; ++c) {
          double sum = 0;
          // One sample per common sub-pixel, in its middle.
          for (int i = 0; i < height; ++i) {
            for (int k = 0; k < width; ++k) {
              const int from_y = (y * height + i) / to_height, from_x = (x * width + k) / to_width;
              sum += in[static_cast<std::size_t>((from_y * width + from_x) * 3 + c)];
            }
          }
          ASSERT_NEAR(out[static_cast<std::size_t>((y * to_width + x) * 3 + c)],
                      sum / (height * width), 101 * 1e-6);
        }
      }
    }
  }
}

TEST(Preprocess, ColourBecomesLumaInTheUnitRange) {
  const Dataset data = image_data({16, 8, 0, 16, 16, 16}, {1, 2, 3}, 16);
  PreprocessOptions options;
  options.grey = true;
  const Preprocess preprocess = reloaded(fit_preprocess(data, options));
  const std::vector<float> out = apply_preprocess(preprocess, data);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_NEAR(out[0], 0.299 + 0.587 / 2, 1e-6);
  EXPECT_NEAR(out[1], 1, 1e-6);
  EXPECT_EQ(apply_preprocess(fit_preprocess(data), data)[1], 0.5f);
}

TEST(Preprocess, TablesAreStandardisedByTrainingRows) {
  const TestFolder folder;
  Dataset data = csv_data(folder, "a,b,c\n1,5,7\n3,5,7\n100,5,9\n", "");
  data.first_test_row = 2;
  const Preprocess preprocess = reloaded(fit_preprocess(data));
  EXPECT_EQ(preprocess.constant_columns(), (Names{"b", "c"}));
  EXPECT_EQ(apply_preprocess(preprocess, data), (std::vector<float>{-1, 0, 0, 1, 0, 0, 98, 0, 0}));
}

TEST(Preprocess, LargeOffsetsKeepTheirSpread) {
  Dataset data;
  std::vector<float> values;
  for (int n = 0; n < 1000; ++n) values.push_back(1e6f + static_cast<float>(n % 2));
  data.rows = rows_of(values, 1);
  data.column_names = {"0"};
  data.first_test_row = 1000;
  const std::vector<float> out = apply_preprocess(fit_preprocess(data), data);
  // The mean 1000000.5 is a float; the spread is exactly 0.5.
  EXPECT_NEAR(out[0], -1, 1e-5);
  EXPECT_NEAR(out[1], 1, 1e-5);
}

TEST(Preprocess, MissingValuesBecomeTheMeanOrZero) {
  const TestFolder folder;
  const std::string content = "a,b\n1,2\n,4\n5,NA\n";
  const Dataset mean = csv_data(folder, content, ",missing=mean");
  const std::vector<float> filled = apply_preprocess(reloaded(fit_preprocess(mean)), mean);
  EXPECT_EQ(filled, (std::vector<float>{-1, -1, 0, 1, 1, 0}));
  const Dataset zero = csv_data(folder, content, ",missing=zero");
  const Preprocess preprocess = fit_preprocess(zero);
  EXPECT_EQ(preprocess.mean, (std::vector<float>{2, 2}));
  EXPECT_EQ(apply_preprocess(preprocess, zero)[2], -2 * preprocess.scale[0]);
}

TEST(Preprocess, NewRowsAreMatchedByColumnName) {
  const TestFolder folder;
  const Dataset train = csv_data(folder, "x,kind\n1,a\n3,b\n", ",categorical=onehot");
  const Preprocess preprocess = reloaded(fit_preprocess(train));
  EXPECT_EQ(preprocess.column_names, (Names{"x", "kind=a", "kind=b"}));
  // Other order, and only one of the categories.
  const Dataset more = csv_data(folder, "kind,x\nb,1\n", ",categorical=onehot");
  EXPECT_EQ(apply_preprocess(preprocess, more), (std::vector<float>{-1, -1, 1}));
  const auto line = [&](const std::string& content, const std::string& options) {
    const Dataset data = csv_data(folder, content, options);
    return error_line([&] { prepare_rows(preprocess, data); });
  };
  EXPECT_NE(line("kind\nb\n", ",categorical=onehot").find("found 1 without 'x'"),
            std::string::npos);
  EXPECT_NE(line("x,kind\n1,c\n", ",categorical=onehot").find("found 'c' in column 'kind' (1 row"),
            std::string::npos);
  EXPECT_NE(line("x,kind,z\n1,a,4\n", ",categorical=onehot").find("found 'z' more; drop it"),
            std::string::npos);
  EXPECT_NE(line("x,kind\n1,a\n", ",categorical=onehot,missing=mean")
                .find("expected no missing= as the encoder was fitted, found missing=mean"),
            std::string::npos);
}

TEST(Preprocess, OtherKindsAndSizesAreRefused) {
  const Dataset image = image_data(std::vector<float>(24, 1.0f), {2, 4, 3}, 1);
  const Preprocess preprocess = fit_preprocess(image);
  const Dataset grey = image_data(std::vector<float>(8, 1.0f), {2, 4, 1}, 1);
  EXPECT_NE(error_line([&] { prepare_rows(preprocess, grey); })
                .find("pictures: expected images of 2 x 4 colour pixels as the encoder was fitted "
                      "on, found 2 x 4 grey"),
            std::string::npos);
  const Dataset text = load_dataset("text:" + fixture("reviews.tsv"));
  EXPECT_NE(error_line([&] {
              prepare_rows(preprocess, text);
            }).find("expected image data as the encoder was fitted on, found text"),
            std::string::npos);
  PreprocessOptions options;
  options.resize = 14;
  EXPECT_NE(error_line([&] { fit_preprocess(text, options); }).find("expected images for a resize"),
            std::string::npos);
  const Dataset bright = image_data({0.5f, 2.0f}, {1, 2, 1}, 1);
  EXPECT_NE(error_line([&] {
              apply_preprocess(fit_preprocess(bright), bright);
            }).find("expected pixels from 0 to 1, found 2 in row 0; give max=VALUE"),
            std::string::npos);
}

TEST(Preprocess, SubsamplingTakesEveryNthPixel) {
  std::vector<float> values;
  for (int n = 0; n < 28 * 21 * 2; ++n) values.push_back(static_cast<float>(n * 37 % 256));
  const Dataset data = image_data(values, {28, 21, 1}, 255);
  PreprocessOptions options;
  options.resize = 14;
  options.resize_method = ResizeMethod::kSubsample;
  const Preprocess preprocess = reloaded(fit_preprocess(data, options));
  EXPECT_EQ(preprocess.resize_method, ResizeMethod::kSubsample);
  EXPECT_EQ(to_saved(preprocess).metadata.at("preprocess.version"), "2");
  EXPECT_NE(describe(preprocess).find("28 x 21 subsampled to 14 x 14"), std::string::npos);
  const std::vector<float> out = apply_preprocess(preprocess, data);
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t y = 0; y < 14; ++y) {
      for (std::size_t x = 0; x < 14; ++x) {
        const float pixel = values[n * 588 + 2 * y * 21 + x * 21 / 14];  // 1.5 columns each
        ASSERT_EQ(out[n * 196 + y * 14 + x], pixel / 255);
      }
    }
  }
  options.resize_method = ResizeMethod::kArea;
  EXPECT_EQ(to_saved(fit_preprocess(data, options)).metadata.at("preprocess.version"), "1");
  EXPECT_NE(error_line([&] { resize_method_from_name("mean"); }).find("area, subsample"),
            std::string::npos);
}

TEST(Preprocess, TextLikeScikitLearn) {
  const Dataset data =
      load_dataset("text:" + fixture("reviews.tsv") + ",vocabulary=3,weights=tfidf");
  const Preprocess preprocess = reloaded(fit_preprocess(data));
  // Three times each; ties by name.
  EXPECT_EQ(preprocess.words, (Names{"film", "fine", "a"}));
  const std::vector<float> out = apply_preprocess(preprocess, data);
  const NpyFloats expected = read_npy_floats(fixture("reviews_tfidf.npy"));
  ASSERT_EQ(out.size(), expected.values.size());
  for (std::size_t n = 0; n < out.size(); ++n) EXPECT_NEAR(out[n], expected.values[n], 1e-6) << n;
  // New text of other words, with the saved vocabulary; a row without any of them is 0.
  const TestFolder folder;
  const Dataset more = load_dataset(
      "text:" + write_test_file(folder, "new.tsv", "nothing known\nFine unknown fine\n"));
  EXPECT_EQ(apply_preprocess(preprocess, more), (std::vector<float>{0, 0, 0, 0, 1, 0}));
  const Dataset tf = load_dataset("text:" + fixture("reviews.tsv") + ",weights=tf");
  EXPECT_NE(error_line([&] { prepare_rows(preprocess, tf); }).find("expected weights=tfidf"),
            std::string::npos);
}

TEST(Preprocess, PermutationIsAFixedShuffle) {
  std::vector<float> values(64);
  for (std::size_t n = 0; n < 64; ++n) values[n] = static_cast<float>(n) / 64;
  const Dataset data = image_data(values, {8, 8, 1}, 1);
  PreprocessOptions options;
  options.permutation_seed = 5;
  const std::vector<float> out = apply_preprocess(reloaded(fit_preprocess(data, options)), data);
  EXPECT_NE(out, values);
  EXPECT_EQ(std::set<float>(out.begin(), out.end()), std::set<float>(values.begin(), values.end()));
  EXPECT_EQ(out, apply_preprocess(fit_preprocess(data, options), data));
}

TEST(Preprocess, BlocksGiveTheSameAsAllAtOnce) {
  std::vector<float> values;
  for (int n = 0; n < 300 * 7000; ++n) values.push_back(static_cast<float>(n % 1009));
  Dataset data;
  data.rows = rows_of(std::move(values), 7000);
  for (int n = 0; n < 7000; ++n) data.column_names.push_back(std::to_string(n));
  data.first_test_row = 300;
  const auto rows = prepare_rows(fit_preprocess(data), data);
  const std::vector<float> all = read_all_rows(*rows);  // 300 rows are three blocks
  for (const std::int64_t row : {0, 148, 149, 150, 299}) {
    const std::vector<float> one = row_of(*rows, row);
    ASSERT_TRUE(std::equal(one.begin(), one.end(), all.begin() + row * 7000)) << row;
  }
}

TEST(Preprocess, DamagedFieldsAreNamed) {
  const TestFolder folder;
  const SavedPreprocess table = to_saved(fit_preprocess(csv_data(folder, "a,b\n1,5\n3,4\n", "")));
  const auto line = [&](const auto& damage) {
    SavedPreprocess saved = table;
    damage(saved);
    return error_line([&] { from_saved(saved, "a.safetensors"); });
  };
  const auto expect = [](const std::string& found, const std::string& part) {
    EXPECT_EQ(found.find("a.safetensors: "), 0u) << found;
    EXPECT_NE(found.find(part), std::string::npos) << found;
  };
  expect(line([](auto& s) { s.metadata.erase("preprocess.kind"); }), "'preprocess.kind'");
  expect(line([](auto& s) { s.metadata["preprocess.kind"] = "sound"; }), "one of image, table");
  expect(line([](auto& s) { s.metadata["preprocess.version"] = "3"; }),
         "version 1 or 2, found '3'");
  expect(line([](auto& s) { s.metadata["preprocess.columns"] = "[1]"; }), "a list of names");
  expect(line([](auto& s) { s.metadata["preprocess.columns"] = "[[["; }), "a list of names");
  expect(line([](auto& s) { s.metadata["preprocess.permutation_seed"] = "-1"; }), "a seed");
  expect(line([](auto& s) { s.tensors["preprocess.mean"].pop_back(); }), "2 numbers, found 1");
  expect(line([](auto& s) { s.tensors.erase("preprocess.scale"); }), "found none");
  expect(line([](auto& s) { s.tensors["preprocess.mean"][0] = std::nanf(""); }), "finite numbers");
  const Dataset image = image_data({1, 1}, {1, 2, 1}, 1);
  for (const char* shape : {"0x2x1", "1x2", "1x2x4", "99999x2x1", "16384x16384x3", "1x2x1x", ""}) {
    SavedPreprocess saved = to_saved(fit_preprocess(image));
    saved.metadata["preprocess.input_image"] = shape;
    expect(error_line([&] { from_saved(saved, "a.safetensors"); }), "HxWxC");
  }
}

// The most memory that was resident since the last call, in bytes.
std::int64_t take_peak_bytes() {
  std::ifstream status("/proc/self/status");
  std::int64_t kilobytes = 0;
  for (std::string word; status >> word && word != "VmHWM:";) {
  }
  status >> kilobytes;
  std::ofstream("/proc/self/clear_refs") << "5";
  return kilobytes * 1024;
}

// Rows of 0.9 GB on disk pass through a few megabytes; a sparse file stands for them. Slow: a
// sanitizer keeps freed blocks, so its peak says nothing.
TEST(Preprocess, LargeArraysAreReadInBlocksSlow) {
  const TestFolder folder;
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (300000, 784), }";
  header.append(118 - 1 - header.size(), ' ');
  header += '\n';
  const std::string start = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(118) + '\0';
  const std::string path = write_test_file(folder, "large.npy", start + header);
  std::error_code error;
  std::filesystem::resize_file(path, 128 + 300000ull * 784 * 4, error);
  if (error) GTEST_SKIP() << "no sparse files here";
  take_peak_bytes();
  const std::int64_t before = take_peak_bytes();
  Dataset data = load_dataset("npy:" + path + ",image=28x28");
  EXPECT_EQ(data.num_rows(), 300000);
  const auto rows = prepare_rows(fit_preprocess(data), data);
  std::vector<float> block(100 * 784, 1.0f);
  rows->read_rows(299900, 100, block);
  EXPECT_EQ(block.front(), 0);
  EXPECT_EQ(block.back(), 0);
  EXPECT_LT(take_peak_bytes() - before, std::int64_t{64} << 20);
}

Dataset wide_table(std::vector<double> values, int num_columns) {
  Dataset data;
  data.name = "wide";
  data.rows = rows_of_doubles(std::move(values), num_columns);
  for (int n = 0; n < num_columns; ++n) data.column_names.push_back(std::to_string(n));
  data.first_test_row = data.num_rows();
  return data;
}

// Column 0 is a time stamp, column 1 the same without its offset, column 2 is constant but for
// rounding in doubles.
TEST(Preprocess, LargeOffsetsKeepTheirDigits) {
  std::vector<double> values;
  for (int n = 0; n < 50; ++n) {
    const double second = n * 7 % 17;
    values.insert(values.end(), {1.7e9 + second, second, 0.1 + 1e-17 * second});
  }
  const Dataset data = wide_table(values, 3);
  const Preprocess preprocess = reloaded(fit_preprocess(data));
  ASSERT_EQ(preprocess.offset.size(), 3u);
  EXPECT_EQ(preprocess.offset[1], 0);
  EXPECT_EQ(preprocess.scale[2], 0);
  const std::vector<float> out = apply_preprocess(preprocess, data);
  // Differences of whole numbers below 2^31 are exact in double; one rounding to float each.
  for (std::size_t n = 0; n < out.size(); n += 3) EXPECT_NEAR(out[n], out[n + 1], 1e-6);
  // New rows lose the same offset, one at a time too.
  EXPECT_NEAR(apply_preprocess(preprocess, wide_table({1.7e9 + 4, 4, 0.1}, 3))[0],
              apply_preprocess(preprocess, wide_table({1.7e9 + 4, 4, 0.1}, 3))[1], 1e-6);
  EXPECT_NE(describe(preprocess).find("1 centred in 64 bits"), std::string::npos);
  EXPECT_EQ(to_saved(preprocess).metadata.at("preprocess.version"), "2");
}

TEST(Preprocess, OffsetsOfMissingValuesAndDamage) {
  const TestFolder folder;
  std::string text = "t\n";
  for (int n = 0; n < 30; ++n) text += std::to_string(1700000000 + n) + "\n";
  const Dataset data = csv_data(folder, text + "NaN\n", ",header=yes,missing=mean");
  const Preprocess preprocess = fit_preprocess(data);
  ASSERT_EQ(preprocess.offset.size(), 1u);
  EXPECT_NEAR(preprocess.offset[0], 1700000014.5, 1e-6);
  const std::vector<float> out = apply_preprocess(preprocess, data);
  EXPECT_NEAR(out[30], 0, 1e-6);
  EXPECT_NEAR(out[29], -out[0], 1e-6);
  SavedPreprocess saved = to_saved(preprocess);
  saved.metadata["preprocess.offset"] = "[1, 2]";
  EXPECT_NE(error_line([&] { from_saved(saved, "e"); }).find("expected 1 numbers"),
            std::string::npos);
}

TEST(Preprocess, OrdinaryColumnsKeepTheirBits) {
  // Rounded to floats first, as before: no offset, and version 1, which older programs read.
  std::vector<double> wide;
  std::vector<float> narrow;
  for (int n = 0; n < 40; ++n) {
    wide.push_back(20.1 + 0.3 * n);
    narrow.push_back(static_cast<float>(wide.back()));
  }
  Dataset floats = wide_table(wide, 1);
  floats.rows = rows_of(narrow, 1);
  const Preprocess preprocess = fit_preprocess(wide_table(wide, 1));
  EXPECT_TRUE(preprocess.offset.empty());
  EXPECT_EQ(to_saved(preprocess).metadata.at("preprocess.version"), "1");
  EXPECT_EQ(apply_preprocess(preprocess, wide_table(wide, 1)),
            apply_preprocess(fit_preprocess(floats), floats));
}

}  // namespace
}  // namespace metaplastic
