// Bytes of regular files: read in sequence, gzip-compressed or not, with exact counts; or at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace metaplastic {

class ByteReader {
 public:
  // Throws Error when the path is no readable regular file.
  explicit ByteReader(const std::string& path);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  // Fills out, or throws Error: `what` names what ended early, e.g. "the header".
  void read(std::span<std::uint8_t> out, const char* what);
  // Throws Error unless the file ends here (with a correct check sum if compressed).
  void expect_end();
  // No file of this size, compressed or not, can hold more bytes (deflate packs 1032 to 1).
  std::int64_t max_bytes() const { return max_bytes_; }

 private:
  struct Source;

  std::size_t read_some(std::span<std::uint8_t> out);
  std::size_t inflate_some(std::span<std::uint8_t> out);

  std::string path_;
  std::unique_ptr<Source> source_;
  bool is_plain_ = false;
  std::int64_t position_ = 0;
  std::int64_t max_bytes_ = 0;
};

// A whole regular file. Throws Error for folders, devices and pipes, which may never end, and above
// max_bytes, before memory is taken.
std::string read_regular_file(const std::string& path, std::uint64_t max_bytes);

}  // namespace metaplastic
