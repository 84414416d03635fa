#include "io/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "io/atomic_file.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

// Runs a NumPy script in `folder`; skips nothing itself, returns the exit status.
int run_numpy(const TestFolder& folder, const std::string& script) {
  write_file_atomically(folder.path("script.py"), "import numpy as np\n" + script);
  return std::system(fmt::format("cd {} && /usr/bin/python3 script.py", folder.path("")).c_str());
}

bool has_numpy() {
  static const bool found = std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") == 0;
  return found;
}

std::string npy(const std::string& dict, const std::string& data = "", char version = 1) {
  std::string file("\x93NUMPY", 6);
  file += version;
  file += '\0';
  file += static_cast<char>(dict.size() & 255);
  file += static_cast<char>(dict.size() >> 8);
  if (version > 1) file += std::string(2, '\0');
  return file + dict + data;
}

std::string plain(const std::string& descr, const std::string& shape, const std::string& data) {
  return npy("{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n",
             data);
}

class Npy : public testing::Test {
 protected:
  std::string read_error(const std::string& content) {
    write_file_atomically(path_, content);
    const std::string line = error_line([&] { read_npy_floats(path_); });
    return line.starts_with(path_ + ": ") ? line.substr(path_.size() + 2) : line;
  }
  // Quoted text is cut after 80 bytes.
  void expect_errors(const std::vector<std::pair<std::string, std::string>>& cases) {
    for (const auto& [content, error] : cases)
      EXPECT_EQ(read_error(content).substr(0, 150), error.substr(0, 150)) << content;
  }

  const TestFolder folder_;
  const std::string path_ = folder_.path("a.npy");
};

TEST_F(Npy, WritesTheExactBytes) {
  const std::int64_t shape[] = {2};
  const float values[] = {1.0f, -2.0f};
  write_npy(path_, shape, std::span<const float>(values));
  std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  dict.resize(117, ' ');
  EXPECT_EQ(read_text_file(path_, 1000),
            npy(dict + "\n", std::string("\0\0\x80\x3f\0\0\x00\xc0", 8)));
}

TEST_F(Npy, BlocksGiveTheSameFileAsAllAtOnce) {
  std::vector<float> values(7 * 5);
  std::iota(values.begin(), values.end(), -3.0f);
  const std::int64_t shape[] = {7, 5};
  write_npy(path_, shape, values);
  const auto expected = read_text_file(path_, 1000);
  {
    NpyWriter writer(path_);
    writer.begin(shape);
    writer.write(std::span<const float>(values).first(15));
    EXPECT_EQ(read_text_file(path_, 1000), expected);
    writer.write({});
    writer.write(std::span<const float>(values).subspan(15));
    writer.commit();
  }
  EXPECT_EQ(read_text_file(path_, 1000), expected);
  NpyWriter unfinished(path_);
  unfinished.begin(shape);
  EXPECT_DEATH(unfinished.commit(), "CHECK failed");
}

TEST_F(Npy, RoundTrips) {
  const std::vector<std::int64_t> shapes[] = {{}, {0}, {1}, {5}, {2, 3}, {3, 0, 2}, {1, 2, 3, 4}};
  for (const auto& shape : shapes) {
    std::int64_t count = 1;
    for (const std::int64_t dim : shape) count *= dim;
    std::vector<float> floats(static_cast<std::size_t>(count));
    std::iota(floats.begin(), floats.end(), -1.5f);
    write_npy(path_, shape, std::span<const float>(floats));
    const NpyFloats copy = read_npy_floats(path_);
    EXPECT_EQ(copy.shape, shape);
    EXPECT_EQ(copy.values, floats);
    const std::vector<std::int64_t> labels(floats.size(), std::numeric_limits<std::int64_t>::min());
    write_npy(path_, shape, std::span<const std::int64_t>(labels));
    EXPECT_EQ(read_npy_integers(path_).values, labels);
    const std::vector<std::int32_t> small(floats.size(), -7);
    write_npy(path_, shape, std::span<const std::int32_t>(small));
    EXPECT_EQ(read_npy_integers(path_).values, std::vector<std::int64_t>(floats.size(), -7));
  }
}

// Larger than the reading chunk, and read in uneven pieces.
TEST_F(Npy, ReadsPiecesOfALargeFile) {
  Random random(1, Purpose::kTest);
  std::vector<float> values(700'001);
  for (float& value : values) value = random.uniform();
  const std::int64_t shape[] = {700'001};
  write_npy(path_, shape, std::span<const float>(values));
  EXPECT_EQ(read_npy_floats(path_).values, values);
  const NpyReader reader(path_);
  std::vector<float> pieces(values.size());
  for (std::size_t at = 0; at < pieces.size(); at += 123'457) {
    const std::size_t count = std::min<std::size_t>(123'457, pieces.size() - at);
    reader.read_floats(static_cast<std::int64_t>(at), std::span(pieces).subspan(at, count));
  }
  EXPECT_EQ(pieces, values);
}

TEST_F(Npy, NumpyReadsWhatWeWrite) {
  if (!has_numpy()) GTEST_SKIP() << "no NumPy for /usr/bin/python3";
  const std::int64_t shape[] = {2, 3};
  const float floats[] = {0, 1.5f, -2, 1e-45f, 1e38f, std::numeric_limits<float>::infinity()};
  const std::int32_t ints[] = {1, 2, 3, 4, 5, -6};
  const std::int64_t longs[] = {1, 2, 3, 4, 5, std::numeric_limits<std::int64_t>::max()};
  write_npy(folder_.path("f.npy"), shape, std::span<const float>(floats));
  write_npy(folder_.path("i.npy"), shape, std::span<const std::int32_t>(ints));
  write_npy(folder_.path("l.npy"), shape, std::span<const std::int64_t>(longs));
  write_npy(folder_.path("s.npy"), {}, std::span<const float>(floats).first(1));
  EXPECT_EQ(run_numpy(folder_, R"(
f, i, l, s = (np.load(n + '.npy') for n in 'fils')
assert f.dtype == np.float32 and f.flags.c_contiguous and f.shape == (2, 3)
assert f.ravel().tolist() == [0, 1.5, -2, np.float32(1e-45), np.float32(1e38), np.inf]
assert i.dtype == np.int32 and i.tolist() == [[1, 2, 3], [4, 5, -6]]
assert l.dtype == np.int64 and l[1, 2] == 2**63 - 1
assert s.shape == ()
)"),
            0);
}

TEST_F(Npy, ReadsWhatNumpyWrites) {
  if (!has_numpy()) GTEST_SKIP() << "no NumPy for /usr/bin/python3";
  ASSERT_EQ(run_numpy(folder_, R"(
from numpy.lib import format
x = np.arange(24).reshape(2, 3, 4)
n = 0
for t in ['?', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8']:
    for order in '<>':
        for layout in 'CF':
            for version in [(1, 0), (2, 0), (3, 0)]:
                a = np.asarray(x, dtype=np.dtype(t).newbyteorder(order), order=layout)
                with open('w%d.npy' % n, 'wb') as f: format.write_array(f, a, version=version)
                n += 1
open('count', 'w').write(str(n))
np.save('h.npy', np.arange(65536, dtype=np.uint16).view(np.float16))
np.save('h32.npy', np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32))
np.save('big.npy', np.array([2**63 - 1, -2**63]))
np.save('f64.npy', np.array([0.1, 1e300, np.nan]))
np.save('d8.npy', np.ones((1, 2, 1, 2, 1, 2, 1, 2), order='F'))
)"),
            0);
  const int count = std::stoi(read_text_file(folder_.path("count"), 10));
  ASSERT_EQ(count, 144);
  for (int i = 0; i < count; ++i) {
    const std::string path = folder_.path(fmt::format("w{}.npy", i));
    const NpyFloats floats = read_npy_floats(path);
    const NpyIntegers integers = read_npy_integers(path);
    EXPECT_EQ(floats.shape, (std::vector<std::int64_t>{2, 3, 4}));
    for (std::size_t k = 0; k < 24; ++k) {
      const auto expected = static_cast<std::int64_t>(i < 12 ? k > 0 : k);
      ASSERT_EQ(integers.values[k], expected) << path;
      ASSERT_EQ(floats.values[k], static_cast<float>(expected)) << path;
    }
  }
  const NpyFloats half = read_npy_floats(folder_.path("h.npy"));
  const NpyFloats full = read_npy_floats(folder_.path("h32.npy"));
  for (std::size_t i = 0; i < 65536; ++i) {
    if (std::isnan(full.values[i])) {
      ASSERT_TRUE(std::isnan(half.values[i])) << i;
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(half.values[i]),
                std::bit_cast<std::uint32_t>(full.values[i]))
          << i;
    }
  }
  using Limits = std::numeric_limits<std::int64_t>;
  EXPECT_EQ(read_npy_integers(folder_.path("big.npy")).values,
            (std::vector<std::int64_t>{Limits::max(), Limits::min()}));
  const NpyFloats doubles = read_npy_floats(folder_.path("f64.npy"));
  EXPECT_EQ(doubles.values[0], 0.1f);
  EXPECT_TRUE(std::isinf(doubles.values[1]));
  EXPECT_TRUE(std::isnan(doubles.values[2]));
  EXPECT_EQ(read_npy_floats(folder_.path("d8.npy")).values, std::vector<float>(16, 1));
}

TEST_F(Npy, ReadsArchivesAndRefusesRecordsAndPicklesThatNumpyWrites) {
  if (!has_numpy()) GTEST_SKIP() << "no NumPy for /usr/bin/python3";
  ASSERT_EQ(run_numpy(folder_, R"(
np.save('record.npy', np.zeros(2, dtype=[('a', 'f4')]))
np.save('pickle.npy', np.array([{}], dtype=object), allow_pickle=True)
x = np.arange(24).reshape(2, 3, 4)
np.savez('p.npz', x=x, y=np.arange(3))
np.savez_compressed('c.npz', x=np.zeros((500, 500), np.float32), y=x.astype('>i2').T)
)"),
            0);
  EXPECT_THAT(error_line([&] { read_npy_floats(folder_.path("record.npy")); }),
              testing::HasSubstr("expected an npy header of a plain array"));
  EXPECT_THAT(error_line([&] { read_npy_floats(folder_.path("pickle.npy")); }),
              testing::HasSubstr("expected bool, integers or floats of at most 64 bits, found "
                                 "type '|O'; save numbers with astype(float)"));
  for (const char* name : {"p.npz", "c.npz"}) {
    const NpzFile file(folder_.path(name));
    EXPECT_EQ(file.names(), (std::vector<std::string>{"x", "y"}));
    EXPECT_TRUE(file.contains("y"));
    EXPECT_FALSE(file.contains("z"));
  }
  const NpzFile packed(folder_.path("c.npz"));
  EXPECT_EQ(read_all_floats(packed.open("x")).values, std::vector<float>(250'000));
  const NpyIntegers y = read_all_integers(packed.open("y"));
  EXPECT_EQ(y.shape, (std::vector<std::int64_t>{4, 3, 2}));
  EXPECT_EQ(y.values[1], 12);
  EXPECT_EQ(error_line([&] { packed.open("yy"); }),
            folder_.path("c.npz") + ": expected an array 'yy', found: x, y; did you mean 'y'?");
  EXPECT_THAT(error_line([&] { NpzFile(folder_.path("c.npz"), 1000).open("x"); }),
              testing::EndsWith(": array 'x': expected at most 1000 bytes, found 1000128"));
  // Any damage to an archive is an Error or harmless, never a crash; damaged data is found by
  // its checksum.
  const std::string path = folder_.path("p.npz");
  const std::string bytes = read_text_file(path, 1 << 20);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto place = static_cast<std::streamoff>(i);
    file.seekp(place).put(static_cast<char>(bytes[i] ^ 0x10)).flush();
    error_line([&] {
      const NpzFile damaged(path);
      for (const std::string& name : damaged.names()) {
        EXPECT_EQ(read_all_integers(damaged.open(name)).values.size(), name == "x" ? 24u : 3u);
      }
    });
    file.seekp(place).put(bytes[i]).flush();
  }
}

TEST_F(Npy, IntegersAreExactOrRefused) {
  const double whole[] = {3, -4, 0x1p53};
  const double half[] = {0.5}, huge[] = {0x1p54};
  const std::uint64_t large[] = {std::uint64_t{1} << 63};
  const auto bytes = [](const auto& values) {
    return std::string(reinterpret_cast<const char*>(values), sizeof(values));
  };
  const auto line = [&](const std::string& descr, const std::string& data) {
    write_file_atomically(path_, plain(descr, "(1,)", data));
    return error_line([&] { read_npy_integers(path_); });
  };
  write_file_atomically(path_, plain("<f8", "(3,)", bytes(whole)));
  EXPECT_EQ(read_npy_integers(path_).values,
            (std::vector<std::int64_t>{3, -4, std::int64_t{1} << 53}));
  EXPECT_EQ(line("<f8", bytes(half)), path_ + ": expected whole numbers, found 0.5");
  EXPECT_EQ(line("<f8", bytes(huge)),
            path_ + ": expected whole numbers, found 1.8014398509481984e+16");
  EXPECT_EQ(line("<f4", std::string("\0\0\xc0\x7f", 4)),
            path_ + ": expected whole numbers, found nan");
  EXPECT_EQ(line("<u8", bytes(large)),
            path_ + ": expected integers below 2^63, found 9223372036854775808");
}

TEST_F(Npy, AcceptsEveryFormOfTheHeader) {
  const std::string data(24, '\0');
  for (const char* dict :
       {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{'shape':(2,3),'fortran_order':False,'descr':'<f4'}\n",
        "{ \"descr\" : \"=f4\" , 'fortran_order': True, 'shape': ( 2 , 3 , ) } \n"}) {
    write_file_atomically(path_, npy(dict, data));
    EXPECT_EQ(read_npy_floats(path_).shape, (std::vector<std::int64_t>{2, 3})) << dict;
  }
}

using Case = std::pair<std::string, std::string>;  // content, its error

// Headers whose dictionary is no description of a plain array.
Case bad_dict(const std::string& dict) {
  return {npy(dict), "expected an npy header of a plain array with at most 8 dimensions, found '" +
                         dict + "'"};
}

const std::string kGoodStart = "{'descr':'<f4','fortran_order':False,'shape':";

Case bad_shape(const std::string& shape) { return bad_dict(kGoodStart + shape + "}"); }

Case bad_type(const std::string& descr,
              const std::string& what_to_do = "; convert it with astype(float)") {
  return {plain(descr, "(1,)", "12345678"),
          "expected bool, integers or floats of at most 64 bits, found type '" + descr + "'" +
              what_to_do};
}

TEST_F(Npy, MalformedFilesGetTheirLine) {
  const std::string overflow = "its shape overflows";
  expect_errors({
      {"", "truncated: expected an npy file, found 0 bytes"},
      {"\x93NU", "truncated: expected an npy file, found 3 bytes"},
      {"\x93NUMPY\x01", "truncated: expected an npy header, found 7 bytes"},
      {std::string("\x93NUMPY\x02\0\x01\0\0", 11),
       "truncated: expected an npy header, found 11 bytes"},
      {"PK\x03\x04 a zip archive", "expected an npy file, found other content"},
      {npy("", "", 4), "expected npy format version 1, 2 or 3, found 4.0"},
      {npy("", "", 0), "expected npy format version 1, 2 or 3, found 0.0"},
      {plain("<f4", "(1,)", "").substr(0, 30),
       "truncated: expected an npy header of 58 bytes, found 20"},
      {std::string("\x93NUMPY\x02\0\0\0\1\0", 12) + "{}",
       "expected an npy header of less than 65536 bytes, found 65536"},
      {std::string("\x93NUMPY\x03\0\xff\xff\xff\xff", 12),
       "expected an npy header of less than 65536 bytes, found 4294967295"},
      {plain("<f4", "(1,1,1,1,1,1,1,1,1)", "1234"), "expected at most 8 dimensions, found more"},
      {plain("<f4", "(4294967296, 4294967296)", ""), overflow},
      {plain("<f4", "(0, 4611686018427387904)", ""), overflow},
      {plain("<f8", "(2305843009213693952,)", ""), overflow},
      {plain("<f4", "(1000000000000,)", "1234"),
       "truncated: expected 4000000000000 bytes of data for its shape, found 4"},
      {plain("<f4", "(2,)", "1234567"),
       "truncated: expected 8 bytes of data for its shape, found 7"},
      {plain("<f4", "()", "12345"), "damaged: expected 4 bytes of data for its shape, found 5"},
      {plain("<f4", "(0,)", "1"), "damaged: expected 0 bytes of data for its shape, found 1"},
  });
}

TEST_F(Npy, MalformedHeadersGetTheirLine) {
  expect_errors({
      bad_dict(""),
      bad_dict("{"),
      bad_dict("{}"),
      bad_dict("[]"),
      bad_dict("{'descr'"),
      bad_dict("{'descr':}"),
      bad_dict("{'descr':'<f4'}"),
      bad_dict(kGoodStart + "(1,)} x"),
      bad_dict(kGoodStart + "(1,)"),
      bad_dict(kGoodStart + "(1,),'descr':'<f4'}"),
      bad_dict(kGoodStart + "(1,),'more':1}"),
      bad_dict("{'descr':'<f4' 'fortran_order':False}"),
      bad_dict("{'descr':'<\\\\4','fortran_order':False,'shape':()}"),
      bad_dict("{'descr':'<f4','fortran_order':false,'shape':()}"),
      bad_dict("{'descr':'<f4','fortran_order':0,'shape':()}"),
      bad_shape("(1)"),
      bad_shape("1"),
      bad_shape("[1]"),
      bad_shape("(-1,)"),
      bad_shape("(1.,)"),
      bad_shape("(,)"),
      bad_shape("(1,,2)"),
      bad_shape("(1 2)"),
      bad_shape("(1L,)"),
      bad_shape("(99999999999999999999,)"),
      bad_shape("(9223372036854775808,)"),
      bad_shape("(1"),
      bad_shape("(+1,)"),
      bad_shape("(0x1,)"),
      bad_type("<f3"),
      bad_type("<c8", "; save real and imaginary parts as numbers of their own"),
      bad_type("|O", "; save numbers with astype(float) and labels with astype(str)"),
      bad_type("f4"),
      bad_type("|f4"),
      bad_type("<f1"),
      bad_type("<b2"),
      bad_type("<M8", "; convert dates to numbers with astype('int64')"),
      bad_type(""),
  });
}

TEST_F(Npy, BrokenArchivesGetTheirLine) {
  const auto line = [&](const std::string& content) {
    write_file_atomically(path_, content);
    return error_line([&] { NpzFile{path_}; });
  };
  EXPECT_EQ(line("not a zip"), path_ + ": expected an npz file (a zip archive): Not a zip archive");
  EXPECT_EQ(error_line([&] { NpzFile{folder_.path("none")}; }),
            folder_.path("none") + ": expected an npz file (a zip archive): No such file");
}

TEST(NpyDeathTest, AShapeThatDoesNotFitIsAProgrammingError) {
  const std::int64_t shape[] = {3};
  const float values[] = {1, 2};
  EXPECT_DEATH(write_npy("unused", shape, std::span<const float>(values)), "CHECK failed");
}

}  // namespace
}  // namespace metaplastic
