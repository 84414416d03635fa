// Reads a LevelDB table: sorted keys with values in one file, the .index of TensorFlow's
// checkpoints.
//
// Layout: blocks, each followed by a kind byte and a masked CRC-32C; an index block with the last
// key and the place of every data block; a footer of 48 bytes with the place of the index block.
// In a block, a key is the start of the key before it and some bytes of its own.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metaplastic {

inline constexpr std::size_t kMaxTableBytes = std::size_t{1} << 28;  // 256 MB
inline constexpr std::size_t kMaxKeyBytes = 4096;

// The entries in the order of their keys. Every checksum, size and place is checked before it is
// used. Throws Error, one line that starts with `source`, for anything but a whole table.
std::vector<std::pair<std::string, std::string>> read_sorted_table(std::span<const std::byte> file,
                                                                   std::string_view source);

}  // namespace metaplastic
