#include "io/bundle/tensor_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "io/bundle/sorted_table.h"
#include "io/crc32c.h"

namespace metaplastic {
namespace {

using testing::HasSubstr;

constexpr const char* kGolden = METAPLASTIC_SOURCE_DIR "/tests/released/golden/small";

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// RFC 3720, B.4: CRC-32C of 32 zero bytes is aa36918a, stored with its bytes swapped.
TEST(Crc32c, IsTheMaskedSum) {
  const std::uint32_t crc = 0x8a9136aa;
  EXPECT_EQ(masked_crc32c(bytes_of(std::string(32, '\0'))), (crc >> 15 | crc << 17) + 0xa282ead8);
}

TEST(TensorBundle, HasNamesTypesShapesAndValues) {
  const TensorBundle bundle = read_tensor_bundle(kGolden);
  EXPECT_EQ(bundle.file.tensors.size(), 98U);
  EXPECT_TRUE(bundle.skipped.empty());
  EXPECT_EQ(bundle.paths.size(), 3U);
  const Tensor& steps = bundle.file.require("global_step", DType::kI64, {});
  EXPECT_EQ(steps.as<std::int64_t>()[0], 7);
  const Tensor& order = bundle.file.require("LocalWeightUpdateWLearner/shuffle_ind", DType::kI64);
  EXPECT_THAT(order.as<std::int64_t>(), testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
}

std::string table_line(const std::string& text) {
  try {
    read_sorted_table(bytes_of(text), "t.index");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// A table of one data block at byte 0, with right checksums.
std::string table_of(std::string block, char kind = 0, std::uint64_t size_added = 0) {
  const auto finish = [](std::string content, char how) {
    content += how;
    const std::uint32_t crc = masked_crc32c(bytes_of(content));
    content.append(reinterpret_cast<const char*>(&crc), 4);
    return content;
  };
  const auto varint = [](std::uint64_t value) {
    std::string out;
    for (; value >= 128; value >>= 7) out += static_cast<char>((value & 127) | 128);
    return out + static_cast<char>(value);
  };
  const std::string end("\0\0\0\0\1\0\0\0", 8);
  block += end;
  const std::string place = varint(0) + varint(block.size() + size_added);
  const std::string index = std::string("\0\1", 2) + varint(place.size()) + "z" + place + end;
  std::string file = finish(block, kind);
  std::string handles = varint(file.size()) + varint(end.size());
  file += finish(end, 0);
  handles += varint(file.size()) + varint(index.size());
  file += finish(index, 0);
  handles.resize(40);
  return file + handles + std::string("\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);
}

TEST(SortedTable, SizesAndOrderAreChecked) {
  using namespace std::string_literals;
  EXPECT_EQ(table_line(table_of("\0\1\2axy\1\1\1bz"s)), "no error");
  EXPECT_THAT(table_line(table_of("\0\1\2axy\0\1\1az"s)), HasSubstr("out of order"));
  EXPECT_THAT(table_line(table_of("\0\1\2axy\2\1\1bz"s)), HasSubstr("starts like none"));
  EXPECT_THAT(table_line(table_of("\0\1\2axy\1\1\x7f"
                                  "bz"s)),
              HasSubstr("beyond its block"));
  EXPECT_THAT(table_line(table_of("\0\xff\xff\xff\xff\x0f\2axy"s)), HasSubstr("key of more than"));
  EXPECT_THAT(table_line(table_of("\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2axy"s)),
              HasSubstr("more than 64 bits"));
  EXPECT_THAT(table_line(table_of("\0\1\1zx"s)), "no error");
  EXPECT_THAT(table_line(table_of("\0\2\1zzx"s)), HasSubstr("in the block before its own"));
  EXPECT_THAT(table_line(table_of("\0\1\2axy"s, 1)),
              HasSubstr("without compression, found kind 1"));
  for (const std::uint64_t added : {std::uint64_t{1000}, ~std::uint64_t{0} - 16})
    EXPECT_THAT(table_line(table_of("\0\1\2axy"s, 0, added)), HasSubstr("beyond the end"));
}

TEST(SortedTable, EveryCutAndEveryChangedByteIsRefusedOrHarmless) {
  const std::string good = table_of(std::string("\0\1\2axy\1\1\1bz", 11));
  ASSERT_EQ(table_line(good), "no error");
  for (std::size_t n = 0; n < good.size(); ++n) {
    EXPECT_THAT(table_line(good.substr(0, n)), HasSubstr("t.index: expected")) << n;
    std::string changed = good;
    changed[n] = static_cast<char>(changed[n] ^ 0x55);
    const bool is_padding = n + 48 >= good.size() && n + 8 < good.size() && good[n] == 0;
    if (is_padding) continue;
    EXPECT_THAT(table_line(changed), HasSubstr("t.index: expected")) << n;
  }
}

}  // namespace
}  // namespace metaplastic
