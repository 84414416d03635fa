#include "io/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <bit>

namespace metaplastic {
namespace {

constexpr std::uint32_t kMaskShift = 0xa282ead8;
constexpr std::size_t kMaxPiece = std::size_t{1} << 30;

}  // namespace

std::uint32_t masked_crc32c(std::span<const std::byte> bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  // The library wants a pointer to what it does not change, and an int as length.
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kMaxPiece);
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
    crc = crc32_iscsi(data, static_cast<int>(count), crc);
    bytes = bytes.subspan(count);
  }
  return std::rotr(~crc, 15) + kMaskShift;
}

}  // namespace metaplastic
