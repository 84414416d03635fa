// The binary version of CIFAR-10: records of a label byte, then 1024 red, 1024 green and 1024 blue.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace metaplastic {

inline constexpr int kCifarSide = 32;
inline constexpr std::size_t kCifarPixels = 3 * kCifarSide * kCifarSide;

// Appends one file's pixels [records, side, side, 3] and labels 0..9. The canonical files hold
// 10000 records each; shorter ones are taken as they are. Throws Error for a part of a record, for
// other labels, and for an empty file.
void read_cifar_batch(const std::string& path, std::vector<std::uint8_t>& pixels,
                      std::vector<std::int64_t>& labels);

}  // namespace metaplastic
