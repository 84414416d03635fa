// CRC-32C, in the masked form that TensorFlow's and LevelDB's files keep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace metaplastic {

std::uint32_t masked_crc32c(std::span<const std::byte> bytes);

}  // namespace metaplastic
