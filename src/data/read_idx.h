// IDX files, the format of MNIST: a big-endian header, then numbers; gzip-compressed or not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/npy.h"

namespace metaplastic {

struct IdxArray {
  std::vector<std::int64_t> shape;  // 1 to 4 dimensions
  int type = 0;  // 0x08 unsigned byte, 0x09 signed byte, 0x0b int16, 0x0c int32, 0x0d float,
                 // 0x0e double
  std::vector<std::uint8_t> bytes;  // as in the file, big-endian
  std::int64_t num_values() const;
  // The array as NumPy's would be read; `source` starts error lines.
  NpyReader reader(const std::string& source) &&;
};

// Throws Error for a bad header, for fewer or more bytes than the header
// promises, and for damaged compression. Takes no more memory than the promise, which itself must
// be within what a file of this size can hold.
IdxArray read_idx(const std::string& path);

}  // namespace metaplastic
