#include "io/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace metaplastic {
namespace {

constexpr std::size_t kMaxRead = std::size_t{1} << 30;

}  // namespace

FileReader::FileReader(const std::string& path) : path_(path) {
  // A pipe without a writer must be refused, not waited for.
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info {};
  if (descriptor_ < 0 || fstat(descriptor_, &info) != 0) {
    const int error_number = errno;
    if (descriptor_ >= 0) close(descriptor_);
    fail("{}: cannot open: {}", path, std::generic_category().message(error_number));
  }
  if (!S_ISREG(info.st_mode)) {
    close(descriptor_);
    fail("{}: expected a file, found {}", path,
         S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
  }
  size_ = static_cast<std::uint64_t>(info.st_size);
}

FileReader::~FileReader() {
  if (descriptor_ >= 0) close(descriptor_);
}

FileReader::FileReader(FileReader&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

void FileReader::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
  METAPLASTIC_CHECK(offset <= size_ && bytes.size() <= size_ - offset);
  while (!bytes.empty()) {
    const ssize_t count = pread(descriptor_, bytes.data(), std::min(bytes.size(), kMaxRead),
                                static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("{}: cannot read: {}", path_, std::generic_category().message(errno));
    if (count == 0) fail("{}: the file became shorter while it was read", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

}  // namespace metaplastic
