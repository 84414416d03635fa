#include "io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/atomic_file.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

template <class T>
Tensor make(std::string name, std::vector<std::int64_t> shape, std::vector<T> values) {
  return make_tensor<T>(std::move(name), std::move(shape), std::span<const T>(values));
}

TensorFile sample() {
  TensorFile file;
  file.tensors.push_back(make<std::uint8_t>("bytes", {3}, {1, 2, 255}));
  file.tensors.push_back(
      make<float>("theta", {2, 2}, {1.5f, -0.0f, std::numeric_limits<float>::infinity(), 1e-45f}));
  file.tensors.push_back(make<double>("adam/m", {1}, {0.1}));
  file.tensors.push_back(make<std::int64_t>("steps", {}, {-5000000000}));
  file.tensors.push_back(make<std::int32_t>("empty", {0, 4}, {}));
  file.metadata = {{"config", "seed = 1\nname = \"\xc3\xa9\"\n"}, {"program", "0.1.0"}};
  return file;
}

// A file with this header text and data bytes.
std::string raw_file(const std::string& header, const std::string& data = "") {
  const auto length = static_cast<std::uint64_t>(header.size());
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

class Safetensors : public testing::Test {
 protected:
  std::string read_error(const std::string& content) {
    write_file_atomically(path_, content);
    const std::string line = error_line([&] { read_safetensors(path_); });
    if (line.rfind(path_ + ": ", 0) != 0) return line;
    return line.substr(path_.size() + 2);
  }

  const TestFolder folder_;
  const std::string path_ = folder_.path("a.safetensors");
};

TEST_F(Safetensors, RoundTripsEveryTypeBitForBit) {
  const TensorFile file = sample();
  const std::string digest = write_safetensors(path_, file);
  const TensorFile copy = read_safetensors(path_);
  ASSERT_EQ(copy.tensors.size(), file.tensors.size());
  for (const Tensor& tensor : file.tensors) {
    const Tensor& other = copy.require(tensor.name, tensor.dtype, tensor.shape);
    EXPECT_EQ(other.bytes, tensor.bytes);
  }
  EXPECT_EQ(copy.require("steps", DType::kI64).as<std::int64_t>()[0], -5000000000);
  EXPECT_TRUE(std::signbit(copy.require("theta", DType::kF32).as<float>()[1]));
  EXPECT_EQ(copy.require_metadata("config"), file.metadata.at("config"));
  EXPECT_EQ(copy.require_metadata("sha256"), digest);
  EXPECT_EQ(copy.require_metadata("format_version"), "1");
  EXPECT_EQ(copy.metadata.size(), 4u);
  EXPECT_EQ(copy.source, path_);
}

TEST_F(Safetensors, SameContentGivesTheSameBytesWhateverTheOrder) {
  TensorFile file = sample();
  write_safetensors(path_, file);
  const std::string bytes = read_text_file(path_, 1 << 20);
  std::reverse(file.tensors.begin(), file.tensors.end());
  write_safetensors(path_, file);
  EXPECT_EQ(read_text_file(path_, 1 << 20), bytes);
  // Writing what was read changes nothing either.
  write_safetensors(path_, read_safetensors(path_));
  EXPECT_EQ(read_text_file(path_, 1 << 20), bytes);
}

// The reference readers' rules: 8-byte aligned data, tensors aligned for their dtype, no holes.
TEST_F(Safetensors, LayoutIsWhatTheReferenceReadersWant) {
  write_safetensors(path_, sample());
  const std::string bytes = read_text_file(path_, 1 << 20);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  ASSERT_LT(length, bytes.size());
  EXPECT_EQ(length % 8, 0u);
  EXPECT_EQ(bytes[8], '{');
  const auto header = nlohmann::ordered_json::parse(bytes.substr(8, length));
  std::size_t expected = 0, num_tensors = 0;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const std::string type = entry["dtype"];
    const std::size_t item = type == "U8" ? 1 : type[1] == '3' ? 4 : 8;
    EXPECT_EQ(entry["data_offsets"][0], expected);
    EXPECT_EQ(expected % item, 0u) << name;
    std::size_t size = item;
    for (const auto& dim : entry["shape"]) size *= dim.get<std::size_t>();
    expected += size;
    EXPECT_EQ(entry["data_offsets"][1], expected);
    ++num_tensors;
  }
  EXPECT_EQ(num_tensors, 5u);
  EXPECT_EQ(8 + length + expected, bytes.size());
}

TEST_F(Safetensors, ReadsForeignFilesWithoutDigest) {
  write_file_atomically(path_,
                        raw_file(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   )",
                                 std::string("\0\0\x80\x3f", 4)));
  const TensorFile file = read_safetensors(path_);
  EXPECT_EQ(file.require("x", DType::kF32).as<float>()[0], 1.0f);
  EXPECT_TRUE(file.metadata.empty());
  write_file_atomically(path_, raw_file("{}"));
  EXPECT_TRUE(read_safetensors(path_).tensors.empty());
}

TEST_F(Safetensors, EveryBitFlipIsFound) {
  write_safetensors(path_, sample());
  const std::string bytes = read_text_file(path_, 1 << 20);
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  const auto put = [&](std::size_t place, char byte) {
    file.seekp(static_cast<std::streamoff>(place)).put(byte).flush();
  };
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      put(i, static_cast<char>(bytes[i] ^ (1 << bit)));
      EXPECT_THROW(read_safetensors(path_), Error) << "byte " << i << " bit " << bit;
    }
    put(i, bytes[i]);
  }
  EXPECT_NO_THROW(read_safetensors(path_));
}

TEST_F(Safetensors, EveryTruncationAndExtensionIsFound) {
  write_safetensors(path_, sample());
  const std::string bytes = read_text_file(path_, 1 << 20);
  for (std::size_t size = bytes.size(); size-- > 0;) {
    std::filesystem::resize_file(path_, size);
    const std::string line = error_line([&] { read_safetensors(path_); });
    EXPECT_THAT(line,
                testing::AllOf(testing::StartsWith(path_ + ": "), testing::HasSubstr("truncated")))
        << size;
  }
  EXPECT_EQ(read_error(bytes + "x"), "damaged: expected 35 bytes of tensors, found 36");
}

using Case = std::pair<std::string, std::string>;  // content, its error

const std::string kF32 = R"("dtype":"F32",)";

// A file of one tensor 'x'.
std::string one(const std::string& entry) { return raw_file("{\"x\":{" + entry + "}}"); }

TEST_F(Safetensors, MalformedEntriesGetTheirLine) {
  const std::string no_header = "damaged: its header is not a JSON object";
  const std::string bad_shape =
      "tensor 'x': damaged: its shape is not a list of sizes that memory could hold";
  const std::string incomplete = "tensor 'x': damaged: expected dtype, shape and data_offsets";
  const Case cases[] = {
      {"", "not a safetensors file, or truncated: expected at least 8 bytes, found 0"},
      {"\x80\x02}q", "not a safetensors file, or truncated: expected at least 8 bytes, found 4"},
      {std::string(16, '\xff'),
       "not a safetensors file: its header would be 18446744073709551615 bytes long, at most "
       "100000000 are allowed"},
      {raw_file("{}").substr(0, 9), "truncated: expected a header of 2 bytes, found 1"},
      {raw_file(""), no_header},
      {raw_file("[]"), no_header},
      {raw_file("{} x"), no_header},
      {raw_file(std::string("{}\0x", 4)), no_header},
      {raw_file("{\"\xff\":1}"), no_header},
      {raw_file("{\"x\":"), no_header},
      {raw_file(R"({"x":1})"), incomplete},
      {one(R"("dtype":"F32","shape":[1])"), incomplete},
      {one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1)"), incomplete},
      {one(R"("dtype":"BF16","shape":[1],"data_offsets":[0,2])"),
       "tensor 'x': expected dtype F32, F64, I32, I64 or U8, found 'BF16'"},
      {one(R"("dtype":3,"shape":[1],"data_offsets":[0,2])"),
       "tensor 'x': expected dtype F32, F64, I32, I64 or U8, found no text"},
      {one(kF32 + R"("shape":[-1],"data_offsets":[0,4])"), bad_shape},
      {one(kF32 + R"("shape":[1.5],"data_offsets":[0,4])"), bad_shape},
      {one(kF32 + R"("shape":4,"data_offsets":[0,4])"), bad_shape},
      {one(kF32 + R"("shape":[4294967296,4294967296],"data_offsets":[0,0])"), bad_shape},
      {one(kF32 + R"("shape":[9223372036854775808],"data_offsets":[0,0])"), bad_shape},
      {one(kF32 + R"("shape":[1],"data_offsets":[0])"),
       "tensor 'x': damaged: expected two data_offsets"},
      {one(kF32 + R"("shape":[1],"data_offsets":[-4,0])"),
       "tensor 'x': damaged: expected two data_offsets"},
      {one(kF32 + R"("shape":[1],"data_offsets":[4,0])"),
       "tensor 'x': damaged: its shape takes 4 bytes, its data_offsets are 4 to 0"},
      {one(kF32 + R"("shape":[2],"data_offsets":[0,4])"),
       "tensor 'x': damaged: its shape takes 8 bytes, its data_offsets are 0 to 4"},
  };
  for (const auto& [content, error] : cases)
    EXPECT_EQ(read_error(content), error) << content.substr(0, 200);
}

TEST_F(Safetensors, MalformedFilesGetTheirLine) {
  const Case cases[] = {
      {one(kF32 + R"("shape":[1000000000000],"data_offsets":[0,4000000000000])"),
       "truncated: expected 4000000000000 bytes of tensors, found 0"},
      {one(kF32 + R"("shape":[1],"data_offsets":[4,8])") + "12345678",
       "damaged: tensor 'x': expected its data at offset 0, found 4 (hole)"},
      {raw_file(R"({"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                R"("y":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                "123456"),
       "damaged: tensor 'y': expected its data at offset 4, found 2 (overlap)"},
      {raw_file(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                R"("x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                "1"),
       "'x' is there twice"},
      {one(kF32 + R"("shape":[1],"shape":[2],"data_offsets":[0,4])"), "'shape' is there twice"},
      {one(kF32 + R"("shape":[[1]],"data_offsets":[0,4])"),
       "damaged: its header is nested too deeply"},
      {raw_file("{\"x\":" + std::string(1000000, '[')), "damaged: its header is nested too deeply"},
      {one(kF32 + R"("shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1])"),
       "damaged: a shape or offset list of more than 32 numbers"},
      {raw_file(R"({"__metadata__":[]})"), "damaged: __metadata__ is not a JSON object"},
      {raw_file(R"({"__metadata__":{"a\nb":1}})"), "damaged: metadata 'a\\x0ab' is not a text"},
      {raw_file(R"({"__metadata__":{"format_version":"2"}})"),
       "written by a newer program: found format_version 2, this one reads up to 1; update "
       "metaplastic"},
      {raw_file(R"({"__metadata__":{"format_version":"one"}})"),
       "damaged: expected a format_version of 1, found 'one'"},
      {raw_file(R"({"__metadata__":{"format_version":"1"}})"),
       "damaged: expected metadata 'sha256', found none"},
      {raw_file(R"({"__metadata__":{"sha256":""}})"),
       "damaged: its content does not have the SHA-256 that was saved with it; restore the file "
       "from a copy"},
  };
  for (const auto& [content, error] : cases)
    EXPECT_EQ(read_error(content), error) << content.substr(0, 200);
}

TEST_F(Safetensors, RequireSaysWhatIsMissing) {
  write_safetensors(path_, sample());
  const TensorFile file = read_safetensors(path_);
  const auto line = [&](const std::function<void()>& action) {
    return error_line(action).substr(path_.size() + 2);
  };
  EXPECT_EQ(line([&] { file.require("thetta", DType::kF32); }),
            "expected a tensor 'thetta', found none; the nearest name is 'theta'");
  EXPECT_EQ(line([&] { file.require("theta", DType::kF64); }),
            "tensor 'theta': expected F64, found F32");
  const std::int64_t shape[] = {4};
  EXPECT_EQ(line([&] { file.require("theta", DType::kF32, shape); }),
            "tensor 'theta': expected shape [4], found [2, 2]");
  EXPECT_EQ(line([&] { file.require_metadata("kind"); }),
            "expected metadata 'kind', found none; was the file written by this program?");
  EXPECT_EQ(file.find("nothing"), nullptr);
}

TEST_F(Safetensors, WriterRefusesTextThatIsNotUtf8) {
  TensorFile file;
  file.metadata["a"] = "\xff";
  EXPECT_EQ(error_line([&] { write_safetensors(path_, file); }),
            path_ + ": cannot write: a tensor name or metadata text is not UTF-8");
  EXPECT_EQ(folder_.num_entries(), 0);
}

TEST(SafetensorsDeathTest, BrokenPromisesOfTheCaller) {
  TensorFile twice;
  twice.tensors = {make<float>("x", {1}, {1}), make<float>("x", {1}, {1})};
  EXPECT_DEATH(write_safetensors("unused", twice), "CHECK failed");
  EXPECT_DEATH(make<float>("x", {2}, {1}), "CHECK failed");
  EXPECT_DEATH(make<float>("x", {1}, {1}).as<double>(), "CHECK failed");
}

TEST_F(Safetensors, DigestSeparatesNamesFromContent) {
  TensorFile a, b;
  a.metadata = {{"ab", "c"}};
  b.metadata = {{"a", "bc"}};
  EXPECT_NE(tensor_digest(a), tensor_digest(b));
  a = b = TensorFile();
  a.tensors.push_back(make<float>("x", {1, 2}, {1, 2}));
  b.tensors.push_back(make<float>("x", {2, 1}, {1, 2}));
  EXPECT_NE(tensor_digest(a), tensor_digest(b));
}

}  // namespace
}  // namespace metaplastic
