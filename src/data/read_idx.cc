#include "data/read_idx.h"

#include <array>

#include "base/error.h"
#include "base/huge_pages.h"
#include "base/text.h"
#include "data/read_bytes.h"

namespace metaplastic {
namespace {

constexpr int kMaxDims = 4;

std::uint32_t big_endian_u32(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
}

// 0 for types that are not supported.
int value_size(int type) {
  switch (type) {
    case 0x08:
    case 0x09:
      return 1;
    case 0x0b:
      return 2;
    case 0x0c:
    case 0x0d:
      return 4;
    case 0x0e:
      return 8;
    default:
      return 0;
  }
}

}  // namespace

std::int64_t IdxArray::num_values() const {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

NpyReader IdxArray::reader(const std::string& source) && {
  NpyHeader header;
  header.kind = type == 0x08   ? NpyKind::kUnsigned
                : type >= 0x0d ? NpyKind::kFloat
                               : NpyKind::kSigned;
  header.item_bytes = static_cast<std::size_t>(value_size(type));
  header.big_endian = true;
  header.shape = shape;
  header.num_elements = num_values();
  const auto* first = reinterpret_cast<const std::byte*>(bytes.data());
  return {std::move(header), {first, first + bytes.size()}, source};
}

IdxArray read_idx(const std::string& path) {
  const std::string name = printable(path, 400);
  ByteReader reader(path);
  std::array<std::uint8_t, 4> magic{};
  reader.read(magic, "the IDX header");
  if (magic[0] != 0 || magic[1] != 0 || magic[3] < 1 || magic[3] > kMaxDims) {
    fail(
        "{}: expected an IDX file (bytes 0, 0, type, 1 to {} dimensions), found bytes {}, {}, {}, "
        "{}; is it an IDX file?",
        name, kMaxDims, magic[0], magic[1], magic[2], magic[3]);
  }
  IdxArray array;
  array.type = magic[2];
  const int size = value_size(array.type);
  if (size == 0) {
    fail(
        "{}: expected IDX values of type 8, 9, 11, 12 (whole numbers), 13 or 14 (floats), found "
        "type {}; is it an IDX file?",
        name, array.type);
  }
  std::int64_t num_bytes = size;
  for (int k = 0; k < magic[3]; ++k) {
    std::array<std::uint8_t, 4> extent{};
    reader.read(extent, "the IDX header");
    array.shape.push_back(big_endian_u32(extent.data()));
    if (array.shape.back() == 0) {
      fail("{}: expected a size above 0 for dimension {}, found 0; the file is empty", name, k);
    }
    if (num_bytes > reader.max_bytes() / array.shape.back()) {
      fail(
          "{}: expected sizes that fit the file, found a header that promises more than {} bytes; "
          "the file is cut short or damaged",
          name, reader.max_bytes());
    }
    num_bytes *= array.shape.back();
  }
  array.bytes.reserve(static_cast<std::size_t>(num_bytes));
  advise_huge_pages(array.bytes.data(), array.bytes.capacity());
  array.bytes.resize(static_cast<std::size_t>(num_bytes));
  reader.read(array.bytes, "values");
  reader.expect_end();
  return array;
}

}  // namespace metaplastic
