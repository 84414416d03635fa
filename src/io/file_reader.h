// Reads ranges of a regular file of known size, so that headers can be checked before anything
// is allocated and large files never stand in memory twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace metaplastic {

class FileReader {
 public:
  // Throws Error, with path and reason, when there is no readable regular file.
  explicit FileReader(const std::string& path);
  ~FileReader();
  FileReader(FileReader&& other) noexcept;
  FileReader& operator=(FileReader&&) = delete;

  const std::string& path() const { return path_; }
  // Bytes, when the file was opened.
  std::uint64_t size() const { return size_; }

  // Fills `bytes` from `offset` on; the range must lie within size(). Throws Error when the file
  // has shrunk meanwhile. May be called from several threads.
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace metaplastic
