// Malformed input, one row per way of being wrong: each gives one line that names the file, what
// was expected and what was found. Options of specs: data_spec_test; encoders: preprocess_test.
#include <gtest/gtest.h>
#include <zlib.h>

#include "data/dataset_test_files.h"
#include "data/preprocess.h"
#include "data/read_bytes.h"
#include "io/npy.h"

namespace metaplastic {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

std::string gzipped(const std::string& content) {
  const TestFolder folder;
  const std::string path = folder.path("a.gz");
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  return read_test_file(path);
}

std::string with(std::string text, std::size_t at, std::string_view replacement) {
  return text.replace(at, replacement.size(), replacement);
}

std::string without(std::string text, std::string_view part, std::string_view replacement) {
  const std::size_t at = text.find(part);
  return at == text.npos ? text : text.replace(at, part.size(), replacement);
}

// Members one after the other, as `cat a.gz b.gz` makes them, with padding behind; the content does
// not compress, so that members begin and end anywhere in the reader's buffer.
TEST(ReadBytes, AGzipFileMayHaveManyMembers) {
  const TestFolder folder;
  std::string expected, packed;
  std::uint32_t word = 1;
  for (std::size_t size = 0; size < 400'000; size = 3 * size + 100) {
    std::string content(size, ' ');
    for (char& c : content) {
      word = word * 1664525 + 1013904223;
      c = static_cast<char>(word >> 24);
    }
    expected += content;
    packed += gzipped(content);
  }
  ByteReader reader(write_test_file(folder, "members.gz", packed + std::string(700, '\0')));
  std::vector<std::uint8_t> found(expected.size());
  reader.read(std::span(found).first(1000), "a part");
  reader.read(std::span(found).subspan(1000), "the rest");
  reader.expect_end();
  EXPECT_EQ(std::string(found.begin(), found.end()), expected);
}

struct BadFile {
  std::string form;     // SPEC with FILE in place of the path
  std::string content;  // of the file
  std::string message;  // part of the line that follows the file's name
};

std::vector<BadFile> bad_idx() {
  const std::string good = read_test_file(fixture("images.idx"));
  const std::string labels = read_test_file(fixture("labels_int32.idx"));
  const std::string packed = read_test_file(fixture("images.idx.gz"));
  return {
      {"idx:FILE", "", "expected 4 bytes of the IDX header from byte 0, found 0"},
      {"idx:FILE", good.substr(0, 3), "expected 4 bytes of the IDX header from byte 0, found 3"},
      {"idx:FILE", good.substr(0, 10), "expected 4 bytes of the IDX header from byte 8, found 2"},
      {"idx:FILE", with(good, 0, "\x01"), "expected an IDX file (bytes 0, 0, type"},
      {"idx:FILE", with(good, 3, bytes({0})), "expected an IDX file (bytes 0, 0, type"},
      {"idx:FILE", with(good, 3, bytes({9})), "found bytes 0, 0, 8, 9"},
      {"idx:FILE", with(good, 2, "\x0a"), "found type 10; is it an IDX file?"},
      {"idx:FILE", with(good, 2, "\x0b"), "found a header that promises more than 136 bytes"},
      {"idx:FILE", with(good, 4, bytes({0, 0, 0, 0})), "above 0 for dimension 0, found 0"},
      {"idx:FILE", with(good, 4, "\xff\xff\xff\xff"), "header that promises more than"},
      {"idx:FILE", with(good, 4, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
       "header that promises more than"},
      {"idx:FILE", good.substr(0, good.size() - 1), "of values from byte 16, found 119"},
      {"idx:FILE", good + "x", "expected 136 bytes as its header says, found more"},
      {"idx:FILE", labels, "expected values of 2 to 4 dimensions"},
      {"idx:FILE," + fixture("images.idx"), good, "expected labels of 1 dimension, found 3"},
      {"idx:FILE," + fixture("labels.idx.gz"), with(good, 4, bytes({0, 0, 0, 4, 0, 0, 0, 5})),
       "expected labels of the shape [4], one per row, found [5]"},
      {"idx:FILE", packed.substr(0, packed.size() - 12), "expected a whole gzip file"},
      {"idx:FILE", packed.substr(0, packed.size() / 2), "gzip"},
      {"idx:FILE", with(packed, packed.size() - 8, "xxxx"), "expected undamaged gzip data"},
      {"idx:FILE", with(packed, 20, "\xff\xff\xff\xff\xff\xff"), "expected undamaged gzip data"},
      // A bomb: 20 MB of zeros in 20 KB, of which the header promises 120 bytes.
      {"idx:FILE", gzipped(good + std::string(20'000'000, '\0')), "its header says, found more"},
      {"idx:FILE", gzipped(with(good, 4, "\x7f\xff\xff\xff")), "header that promises more than"},
  };
}

std::vector<BadFile> bad_arrays() {
  const std::string table = read_test_file(fixture("table_f8.npy"));
  const std::string images = read_test_file(fixture("images_u1.npy"));
  const std::string archive = read_test_file(fixture("set.npz"));
  return {
      {"npy:FILE", "", "npy"},
      {"npy:FILE", table.substr(0, 50), "npy"},
      {"npy:FILE", with(table, 0, "x"), "npy"},
      {"npy:FILE", table.substr(0, table.size() - 1), "bytes"},
      {"npy:FILE", table + "x", "bytes"},
      {"npy:FILE", without(table, "'<f8'", "'|O' "), ""},
      {"npy:FILE", without(table, "'<f8'", "'<c8'"), ""},
      {"npy:FILE", without(table, "(4, 3)", "(-4,3)"), ""},
      {"npy:FILE", without(table, "(4, 3), }          ", "(99999999999999,3)}"), ""},
      {"npy:FILE", without(table, "(4, 3)", "(12,) "), "found 1 dimensions; reshape it"},
      {"npy:FILE", with(table, table.size() - 8, bytes({0, 0, 0, 0, 0, 0, 0xf8, 0x7f})),
       "expected finite numbers, found nan in row 3, column 2"},
      {"npy:FILE", with(table, table.size() - 8, bytes({0, 0, 0, 0, 0, 0, 0xf0, 0x7f})),
       "expected finite numbers, found inf in row 3, column 2"},
      {"npy:FILE", without(images, "(3, 2, 4, 3)", "(3, 2, 3, 4)"),
       "expected 1 or 3 channels as the last dimension, found 4"},
      {"npy:FILE," + fixture("labels.npy"), images, "expected labels of the shape [3]"},
      {"npy:FILE,image=2x2", table, "expected rows of 4 pixels for image=2x2, found rows of 3"},
      {"npy:FILE,image=1x3x2", table, "expected image= as HEIGHTxWIDTH"},
      {"npy:FILE,image=0x3", table, "expected image= as HEIGHTxWIDTH"},
      {"npy:FILE,max=3", table, "expected max= for images only"},
      {"npy:FILE,image=1x3,max=-1", table, "expected max= as a number above 0"},
      {"npy:FILE,image=1x3", table, "expected pixels from 0 to 1, found -0.5 in row 0"},
      {"npz:FILE", "", ""},
      {"npz:FILE", archive.substr(0, archive.size() / 2), ""},
      {"npz:FILE,x=other", read_test_file(fixture("other.npz")),
       "expected x= to name one of its arrays, found 'other'; it has 'features'"},
  };
}

std::vector<BadFile> bad_csv() {
  return {
      {"csv:FILE", "", "expected rows, found an empty file"},
      {"csv:FILE", "\n\r\n\n", "expected rows, found an empty file"},
      {"csv:FILE", "a,b\n", "expected at least one row, found none"},
      {"csv:FILE", "a,b\n1,2\n3\n", "expected 2 fields in line 3, found 1"},
      {"csv:FILE", "a,b\n1,2\n3,4,5\n", "expected 2 fields in line 3, found 3"},
      {"csv:FILE", "a,b\n1,\"2\n3,4\n",
       "expected a closing quote for the field that opens in line 2"},
      {"csv:FILE", "a,b\n1,\"2\"3\n", "after the closing quote in line 2, found '3'"},
      {"csv:FILE", "a,b\n1,2\"3\n", "expected quotes around the whole field in line 2"},
      {"csv:FILE", "a,b\n1,2\r3,4\n", "line feed after the carriage return in line 2"},
      {"csv:FILE", std::string("a,b\n1,\0\n", 8), "found a zero byte at byte 6"},
      {"csv:FILE",
       "\xff\xfe"
       "a,b\n",
       "expected UTF-8 text, found UTF-16"},
      {"csv:FILE", "a,a\n1,2\n", "expected different column names, found 'a' twice"},
      {"csv:FILE", "\xe4,b\n1,2\n", "found other bytes in the name of column 0"},
      {"csv:FILE", "a,b\n1,\n",
       "expected a value in line 2, column 'b', found nothing; fill it in"},
      {"csv:FILE", "a,b\n1,NaN\n", "expected a value in line 2, column 'b', found 'NaN'"},
      {"csv:FILE", "a,b\n1,inf\n", "expected a number in line 2, column 'b', found 'inf'"},
      {"csv:FILE", "a,b\n1,1e39\n", "expected a number in line 2, column 'b', found '1e39'"},
      {"csv:FILE", "a,b\n1,0x10\n", "expected a number in line 2, column 'b', found '0x10'"},
      {"csv:FILE", "a,b\n1,red\n", "use categorical=onehot, drop= or header=yes"},
      {"csv:FILE", "a;b\n1,5;2\n2.5;3\n", "found '1,5'; write decimals with a point"},
      {"csv:FILE", "a;b\n1,500;2\n", "found '1,500'; remove a thousands separator"},
      {"csv:FILE,label=kind", "a,kinds\n1,2\n", "found 'kind'; did you mean 'kinds'?"},
      {"csv:FILE,label=kind", "a,sort\n1,red\n", "label= names 'kind', which is no column"},
      {"csv:FILE,drop=2", "a,b\n1,2\n", "expected drop= to name one of 2 columns"},
      {"csv:FILE,category=-3", "a,b\n1,2\n", "expected category= to name one of 2 columns"},
      {"csv:FILE,label=b,drop=b", "a,b\n1,2\n", "named once in label=, drop= and category="},
      {"csv:FILE,label=a", "a\n1\n", "expected a column of numbers beside label"},
      {"csv:FILE,missing=mean", "a,b\n1,\n2,\n",
       "expected a value in column 'b', found none in all"},
      {"csv:FILE,categorical=onehot", "a,b\n1,\xff\n", "expected UTF-8 text, found other bytes"},
      {"csv:FILE,header=maybe", "a,b\n1,2\n", "expected header to be one of auto, yes, no"},
      {"csv:FILE,image=1x2,missing=zero", "1,2\n3,\n", "expected missing= for tables only"},
      {"csv:FILE,image=1x2", "1,2\n3,256\n", "expected pixels from 0 to 255, found 256 in row 1"},
  };
}

std::vector<BadFile> bad_text() {
  return {
      {"text:FILE", "", "expected at least one row, found none"},
      {"text:FILE", "a\tb\nno label\n", "expected label TAB text in line 2"},
      {"text:FILE", "no label\na\tb\n", "expected no TAB in line 2"},
      {"text:FILE", "a\tb\nb\t\xff\n", "expected UTF-8 text, found byte 255 in line 2"},
      {"text:FILE", "a\t\xc0\xaf\n", "found byte 192 in line 1"},      // overlong
      {"text:FILE", "a\t\xed\xa0\x80\n", "found byte 237 in line 1"},  // surrogate
      {"text:FILE", "a\t\xf4\x90\x80\x80\n", "found byte 244 in line 1"},
      {"text:FILE", "a\tb\xe6\x97", "found byte 230 in line 1"},  // cut short
      {"text:FILE", std::string("a\tb\0c", 5), "found byte 0 in line 1"},
      {"text:FILE", "a\t!?\nb\t...\n", "expected words in the documents, found none"},
      {"text:FILE,vocabulary=0", "a\tb\n", "expected vocabulary as a whole number from 1"},
  };
}

// The file is the only one in a folder; FOLDER/x.EXT.
std::vector<BadFile> bad_pictures() {
  const auto picture = [](const char* name) {
    return read_test_file(fixture(std::string("pictures/") + name));
  };
  const std::string png = picture("grey.png"), jpeg = picture("grey.jpg");
  std::string huge_jpeg = jpeg;
  const std::size_t frame = jpeg.find("\xff\xc0");
  huge_jpeg.replace(frame + 5, 4, "\xff\xff\xff\xff");
  return {
      {"images:FILE", "", "expected a PNG, JPEG or PGM image, found an empty file"},
      {"images:FILE", "GIF89a...", "expected a PNG, JPEG or PGM image, found a GIF image"},
      {"images:FILE", std::string("II*\0\x08", 5), "found a TIFF image"},
      {"images:FILE", "RIFF....WEBPVP8 ", "found a WebP image"},
      {"images:FILE", "version https://git-lfs.github.com/spec/v1\n", "found a Git LFS pointer"},
      {"images:FILE", "BM", "found a BMP image"},
      {"images:FILE", "\x89P", "found other bytes"},
      {"images:FILE", png.substr(0, 20), "expected a readable PNG file"},
      {"images:FILE", png.substr(0, png.size() / 2), "expected a readable PNG file"},
      {"images:FILE", with(png, 18, "x"), "expected a readable PNG file"},
      {"images:FILE", with(png, 45, "xx"), "expected a readable PNG file"},
      {"images:FILE", jpeg.substr(0, 10), "expected a readable JPEG file"},
      {"images:FILE", jpeg.substr(0, jpeg.size() - 20), "expected a readable JPEG file"},
      {"images:FILE", huge_jpeg, "JPEG"},
      {"images:FILE", without(huge_jpeg, "\xff\xff\xff\xff", bytes({0x50, 0, 0, 0x10})),
       "expected an image of 1 to 16384 pixels a side"},
      {"images:FILE", picture("cmyk.jpg").substr(0, 400), "expected a readable JPEG file"},
      {"images:FILE", "P5", "expected a PNG, JPEG or PGM image"},
      {"images:FILE", "P4 8 1\n\xff", "expected a PGM or PPM image (P2, P3, P5, P6), found P4"},
      {"images:FILE", "P5 2", "expected a number as the height"},
      {"images:FILE", "P5 2 x 255\n..", "expected a number as the height"},
      {"images:FILE", "P5 2 2 0\n....", "expected 1 to 65535 as the largest value, found 0"},
      {"images:FILE", "P5 2 2 255\n...", "expected 4 bytes of pixels for 2 x 2, found 3"},
      {"images:FILE", "P5 2 2 255\n......", "found 6; one image per file"},
      {"images:FILE", "P5 99999999 99999999 255\n.", "the file is cut short"},
      {"images:FILE", "P5 0 5 255\n", "expected an image of 1 to 16384 pixels a side"},
      {"images:FILE", "P5 2 1 7\n\x08\x01", "expected pixels up to 7, found 8"},
      {"images:FILE", "P2 2 1 7\n5", "expected 4 bytes of pixels"},
      {"images:FILE", "P2 2 1 7\n5  x", "expected a number as the next pixel"},
      {"images:FILE,size=0", png, "expected size as a whole number from 1 to 1024"},
  };
}

// Loads, fits and applies, as the program does.
void use(const std::string& spec) {
  const Dataset data = load_dataset(spec);
  apply_preprocess(fit_preprocess(data), data);
}

class Malformed : public testing::Test {
 protected:
  void check(const std::vector<BadFile>& cases, const std::string& file_name) {
    int number = 0;
    for (const BadFile& bad : cases) {
      const std::string relative = std::to_string(number++) + "/" + file_name;
      const std::string path = write_test_file(folder_, relative, bad.content);
      const bool folder = bad.form.starts_with("images:");
      const std::string given = folder ? std::filesystem::path(path).parent_path().string() : path;
      const std::string spec = without(bad.form, "FILE", given);
      const std::string line = error_line([&] { use(spec); });
      EXPECT_NE(line, "no error") << bad.form << " " << number - 1;
      EXPECT_NE(line.find(bad.message), std::string::npos)
          << bad.form << " expected: " << bad.message << "\n  found: " << line;
      EXPECT_NE(line.find(": expected"), std::string::npos) << line;
      // Labels of another file may be what is named.
      const bool names_file = line.find(given) != line.npos || line.find(fixture("")) != line.npos;
      EXPECT_TRUE(names_file) << line;
    }
  }

  TestFolder folder_;
};

TEST_F(Malformed, Idx) { check(bad_idx(), "a.idx"); }
TEST_F(Malformed, Arrays) { check(bad_arrays(), "a.npy"); }
TEST_F(Malformed, Csv) { check(bad_csv(), "a.csv"); }
TEST_F(Malformed, Text) { check(bad_text(), "a.tsv"); }
TEST_F(Malformed, Pictures) { check(bad_pictures(), "a.png"); }

TEST_F(Malformed, PathsThatAreNoFiles) {
  const std::string folder = folder_.path("folder");
  std::filesystem::create_directory(folder);
  for (const char* form : {"idx:", "npy:", "npz:", "csv:", "text:", "images:"}) {
    const std::string missing = error_line([&] { use(form + folder_.path("nothing")); });
    EXPECT_NE(missing.find(folder_.path("nothing") + ": "), std::string::npos) << missing;
    const std::string line = error_line([&] { use(form + folder); });
    EXPECT_NE(line.find(folder + ": "), std::string::npos) << line;
    const std::string device = error_line([&] { use(std::string(form) + "/dev/zero"); });
    EXPECT_NE(device.find("/dev/zero: "), std::string::npos) << device;
  }
}

TEST_F(Malformed, FoldersOfTwoLevelsOrTwoSizes) {
  const std::string png = read_test_file(fixture("pictures/grey.png"));
  const std::string other = read_test_file(fixture("pictures/grey.jpg"));
  write_test_file(folder_, "mixed/a.png", png);
  write_test_file(folder_, "mixed/cat/b.png", png);
  EXPECT_NE(error_line([&] {
              use("images:" + folder_.path("mixed"));
            }).find("found both ('a.png' and 'cat/b.png')"),
            std::string::npos);
  write_test_file(folder_, "sizes/a.png", png);
  write_test_file(folder_, "sizes/b.jpg", other);
  write_test_file(folder_, "sizes/c.jpg", "x");
  EXPECT_NE(error_line([&] { use("images:" + folder_.path("sizes")); })
                .find("sizes/b.jpg: expected 8 x 6 pixels (width x height) like the images before "
                      "it, found 16 x 16; give size=SIDE (1 more bad files; bad=skip passes over "
                      "them)"),
            std::string::npos);
}

}  // namespace
}  // namespace metaplastic
