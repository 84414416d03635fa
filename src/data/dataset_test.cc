// Every form reads what other programs wrote: values, labels, names. Damage:
// dataset_malformed_test.
#include "data/dataset.h"

#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <numeric>

#include "data/dataset_test_files.h"
#include "data/read_image.h"
#include "io/npy.h"

namespace metaplastic {
namespace {

using Names = std::vector<std::string>;
using Labels = std::vector<int>;
using Row = std::vector<float>;

TEST(Dataset, IdxPlainAndGzipHoldTheSame) {
  for (const char* name : {"images.idx", "images.idx.gz"}) {
    const Dataset data = load_dataset("idx:" + fixture(name) + "," + fixture("labels.idx.gz"));
    ASSERT_EQ(data.num_rows(), 5);
    EXPECT_EQ(data.kind, DataKind::kImage);
    EXPECT_EQ(data.image, (ImageShape{4, 6, 1}));
    const std::vector<float> values = read_all_rows(data);
    for (std::size_t n = 0; n < values.size(); ++n) ASSERT_EQ(values[n], pattern(n));
    EXPECT_EQ(data.labels, (Labels{1, 0, 2, 1, 0}));
    EXPECT_EQ(data.class_names, (Names{"0", "3", "7"}));
    EXPECT_EQ(data.first_test_row, 5);
    EXPECT_FALSE(data.has_test_rows());
  }
  const Dataset signed_labels =
      load_dataset("idx:" + fixture("images.idx") + "," + fixture("labels_int32.idx"));
  EXPECT_EQ(signed_labels.class_names, (Names{"2", "70000"}));  // -1 is no label
  EXPECT_LT(signed_labels.num_labelled(), 5);
  EXPECT_TRUE(load_dataset("idx:" + fixture("images.idx")).labels.empty());
}

TEST(Dataset, NumpyTablesOfEveryLayout) {
  for (const char* name : {"table_f8.npy", "table_f2_fortran.npy", "table_f4_big.npy"}) {
    const Dataset data = load_dataset("npy:" + fixture(name) + "," + fixture("labels.npy"));
    ASSERT_EQ(data.num_rows(), 4);
    EXPECT_EQ(data.kind, DataKind::kTable);
    EXPECT_EQ(row_of(data, 2), (Row{0.25f, 0.375f, 0.5f})) << name;
    EXPECT_EQ(data.class_names, (Names{"-5", "7", "10"}));
    EXPECT_EQ(data.labels, (Labels{2, 0, 2, 1}));
  }
  const Dataset floats =
      load_dataset("npy:" + fixture("table_f8.npy") + "," + fixture("labels_float.npy"));
  EXPECT_EQ(floats.labels, (Labels{1, 0, 1, 2}));
}

TEST(Dataset, NumpyImagesAndArchives) {
  const Dataset images = load_dataset("npy:" + fixture("images_u1.npy"));
  EXPECT_EQ(images.kind, DataKind::kImage);
  EXPECT_EQ(images.image, (ImageShape{2, 4, 3}));
  EXPECT_EQ(images.pixel_max, 255);
  EXPECT_EQ(row_of(images, 1)[5], pattern(24 + 5));
  const Dataset set = load_dataset("npz:" + fixture("set.npz"));
  EXPECT_EQ(row_of(set, 3), (Row{0.625f, 0.75f, 0.875f}));
  EXPECT_EQ(set.labels, (Labels{1, 1, 0, 0}));
  const Dataset unnamed = load_dataset("npz:" + fixture("unnamed.npz") + ",max=300");
  EXPECT_EQ(unnamed.image, (ImageShape{4, 4, 1}));
  EXPECT_EQ(unnamed.pixel_max, 300);
  const Dataset flat = load_dataset("npy:" + fixture("table_f8.npy") + ",image=1x3");
  EXPECT_EQ(flat.image, (ImageShape{1, 3, 1}));
  EXPECT_EQ(flat.pixel_max, 1);
}

TEST(Dataset, CsvQuotesLineEndsAndNumbers) {
  const Dataset data = load_dataset("csv:" + fixture("quoted.csv") + ",label=kind");
  EXPECT_EQ(data.column_names, (Names{"width, cm", "the \"name\"", "note\nof two lines"}));
  EXPECT_EQ(row_of(data, 0), (Row{1.5f, 2, -300}));
  EXPECT_EQ(row_of(data, 1), (Row{4, 5.25f, 6}));
  EXPECT_EQ(row_of(data, 2), (Row{7, 8, 0.001f}));
  EXPECT_EQ(data.class_names, (Names{"a,b", "say \"hi\""}));
  EXPECT_EQ(data.labels, (Labels{0, 1, 0}));
  // The same with the label by index from the front and from the back.
  for (const char* index : {"3", "-1"}) {
    EXPECT_EQ(load_dataset("csv:" + fixture("quoted.csv") + ",label=" + index).labels, data.labels);
  }
}

TEST(Dataset, CsvFindsDelimiterHeaderAndCategories) {
  const Dataset data =
      load_dataset("csv:" + fixture("semicolon.csv") + ",label=class,drop=id,categorical=onehot");
  EXPECT_EQ(data.column_names, (Names{"colour=blue", "colour=red", "x"}));
  EXPECT_EQ(data.one_hot, (std::vector<bool>{true, true, false}));
  EXPECT_EQ(row_of(data, 0), (Row{0, 1, 0.5f}));
  EXPECT_EQ(row_of(data, 1), (Row{1, 0, 1.5f}));
  EXPECT_EQ(data.class_names, (Names{"no", "yes"}));
  const Dataset headless = load_dataset("csv:" + fixture("headless.tsv") + ",label=-1");
  EXPECT_EQ(headless.num_rows(), 3);
  EXPECT_EQ(headless.column_names, (Names{"0", "1"}));
  EXPECT_EQ(headless.class_names, (Names{"9", "10"}));  // as numbers, not as text
  const Dataset image = load_dataset("csv:" + fixture("headless.tsv") + ",label=2,image=1x2");
  EXPECT_EQ(image.image, (ImageShape{1, 2, 1}));
  EXPECT_EQ(image.pixel_max, 255);
}

TEST(Dataset, CsvMissingValuesByPolicy) {
  const Dataset data = load_dataset("csv:" + fixture("missing.csv") + ",missing=mean");
  EXPECT_EQ(data.missing, MissingPolicy::kMean);
  EXPECT_TRUE(std::isnan(row_of(data, 1)[0]));
  EXPECT_TRUE(std::isnan(row_of(data, 2)[1]));
  EXPECT_EQ(row_of(data, 1)[1], 4);
}

TEST(Dataset, CsvNumbersDoNotDependOnTheLocale) {
  const char* german = std::setlocale(LC_ALL, "de_DE.UTF-8");
  const Dataset data = load_dataset("csv:" + fixture("quoted.csv") + ",label=kind");
  std::setlocale(LC_ALL, "C");
  EXPECT_EQ(row_of(data, 1)[1], 5.25f);
  if (german == nullptr) GTEST_SKIP() << "no German locale here";
}

// Pictures as Pillow decoded them.
TEST(Dataset, PicturesLikePillow) {
  for (const char* name : {"grey.png", "colour.png", "palette.png", "grey.pgm", "colour.ppm",
                           "grey.jpg", "colour.jpg"}) {
    const std::string bytes = read_test_file(fixture(std::string("pictures/") + name));
    const DecodedImage picture =
        decode_picture({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, name);
    const NpyFloats expected = read_npy_floats(fixture(std::string("pictures/") + name + ".npy"));
    ASSERT_EQ(expected.shape[0], picture.height) << name;
    ASSERT_EQ(expected.shape[1], picture.width * picture.channels) << name;
    const bool jpeg = std::string(name).ends_with(".jpg");
    for (std::size_t n = 0; n < picture.pixels.size(); ++n) {
      // Two builds of libjpeg may round the inverse transform differently.
      ASSERT_NEAR(picture.pixels[n], expected.values[n], jpeg ? 2 : 0) << name << " at " << n;
    }
  }
}

TEST(Dataset, RarerPictureKinds) {
  const auto decode = [](const char* name) {
    const std::string bytes = read_test_file(fixture(std::string("pictures/") + name));
    return decode_picture({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                          name);
  };
  const DecodedImage alpha = decode("alpha.png");
  EXPECT_EQ(alpha.channels, 3);
  EXPECT_EQ(alpha.pixels[0], 255);  // transparent: white below
  EXPECT_TRUE(alpha.is_transparent);
  EXPECT_EQ(alpha.pixels[4 * 3 + 1], pattern(13));
  const DecodedImage plain = decode("plain.pgm");
  EXPECT_EQ(plain.pixels, (std::vector<std::uint8_t>{0, 85, 170, 255, 17, 34}));
  EXPECT_FALSE(plain.is_deep || plain.is_transparent);
  const DecodedImage deep = decode("deep.pgm");
  EXPECT_EQ(deep.pixels, (std::vector<std::uint8_t>{255, 128}));
  EXPECT_TRUE(deep.is_deep);
  EXPECT_EQ(decode("cmyk.jpg").channels, 3);
}

TEST(Dataset, ImageFoldersWithAndWithoutClasses) {
  const TestFolder folder;
  const std::string grey = read_test_file(fixture("pictures/grey.png"));
  const std::string colour = read_test_file(fixture("pictures/colour.png"));
  const std::string large = read_test_file(fixture("pictures/grey.jpg"));
  write_test_file(folder, "set/cat/a.png", grey);
  write_test_file(folder, "set/dog/b.PNG", colour);
  write_test_file(folder, "set/dog/notes.doc", "passed over");
  write_test_file(folder, "set/.hidden/c.png", "passed over");
  const Dataset data = load_dataset("images:" + folder.path("set"));
  ASSERT_EQ(data.num_rows(), 2);
  EXPECT_EQ(data.image, (ImageShape{6, 8, 3}));  // grey becomes colour among colour images
  EXPECT_EQ(row_of(data, 0)[3], pattern(1));
  EXPECT_EQ(row_of(data, 0)[5], pattern(1));
  EXPECT_EQ(row_of(data, 1)[5], pattern(5));
  EXPECT_EQ(data.class_names, (Names{"cat", "dog"}));
  EXPECT_EQ(data.row_names, (Names{"cat/a.png", "dog/b.PNG"}));
  ASSERT_EQ(data.notes.size(), 2u);
  EXPECT_NE(data.notes[0].find("left out 1 file ending in .doc (dog/notes.doc)"),
            std::string::npos);
  EXPECT_NE(data.notes[1].find("1 grey and 1 colour images"), std::string::npos);

  const Dataset grey_data = load_dataset("images:" + folder.path("set") + ",grey=yes");
  EXPECT_EQ(grey_data.image.channels, 1);
  EXPECT_EQ(row_of(grey_data, 1)[0], std::round(luma(pattern(0), pattern(1), pattern(2))));

  write_test_file(folder, "flat/a.png", grey);
  write_test_file(folder, "flat/b.jpg", large);
  const Dataset flat = load_dataset("images:" + folder.path("flat") + ",size=4");
  EXPECT_EQ(flat.image, (ImageShape{4, 4, 1}));
  EXPECT_TRUE(flat.labels.empty());

  write_test_file(folder, "flat/c.png", "no picture");
  const Dataset skipped = load_dataset("images:" + folder.path("flat") + ",size=4,bad=skip");
  EXPECT_EQ(skipped.num_rows(), 2);
  ASSERT_EQ(skipped.notes.size(), 1u);
  EXPECT_NE(skipped.notes[0].find("c.png: expected a PNG"), std::string::npos);
}

TEST(Dataset, TextFilesAndFolders) {
  const Dataset data = load_dataset("text:" + fixture("reviews.tsv"));
  ASSERT_EQ(data.num_rows(), 4);
  EXPECT_EQ(data.kind, DataKind::kText);
  EXPECT_EQ(data.class_names, (Names{"bad", "good"}));
  EXPECT_EQ(data.labels, (Labels{1, 0, 1, 0}));
  // Lower case beyond ASCII; apostrophes only inside words.
  EXPECT_EQ(data.documents->words, (Names{"a", "don't", "film", "fine", "indeed", "not", "quote",
                                          "\u00fcber", "\u0436\u0443\u043a", "\u65e5\u672c"}));
  EXPECT_EQ(data.documents->starts, (std::vector<std::int64_t>{0, 5, 9, 12, 15}));
  const Dataset folder = load_dataset("text:" + fixture("documents"));
  EXPECT_EQ(folder.num_rows(), 3);
  EXPECT_EQ(folder.labels, (Labels{0, 1, 1}));
  const TestFolder scratch;
  const Dataset unlabelled =
      load_dataset("text:" + write_test_file(scratch, "a.tsv", "one line\r\n\nanother line"));
  EXPECT_EQ(unlabelled.num_rows(), 3);  // the empty line is a document without words
  EXPECT_TRUE(unlabelled.labels.empty());
}

TEST(Dataset, RowsAreGatheredInAnyOrder) {
  Dataset data;
  std::vector<float> values(20);
  std::iota(values.begin(), values.end(), 0.0f);
  data.rows = rows_of(values, 2);
  std::vector<float> out(6);
  gather_rows(data, std::vector<std::int64_t>{9, 3, 4}, out);
  EXPECT_EQ(out, (Row{18, 19, 6, 7, 8, 9}));
}

}  // namespace
}  // namespace metaplastic
