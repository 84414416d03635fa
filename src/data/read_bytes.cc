#include "data/read_bytes.h"

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "io/file_reader.h"

namespace metaplastic {

ByteReader::ByteReader(const std::string& path) : path_(printable(path, 400)) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    fail("{}: expected a readable file, found: {}; check the name", path_, std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    fail("{}: expected a regular file, found a folder or a device; name a file", path_);
  }
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) {
    fail("{}: expected a readable file, found: {}; check its permissions", path_,
         std::strerror(errno));
  }
  gzbuffer(file, 1 << 17);
  // Looks at the first bytes; from then on it is known whether the file is compressed.
  const bool plain = gzdirect(file) != 0;
  max_bytes_ = plain ? std::int64_t{status.st_size} : std::int64_t{status.st_size} * 1032 + 1024;
  file_ = file;
}

ByteReader::~ByteReader() { gzclose_r(static_cast<gzFile>(file_)); }

std::size_t ByteReader::read_some(std::span<std::uint8_t> out) {
  const auto file = static_cast<gzFile>(file_);
  std::size_t done = 0;
  while (done < out.size()) {
    const auto wanted = static_cast<unsigned>(std::min<std::size_t>(out.size() - done, 1u << 30));
    const int count = gzread(file, out.data() + done, wanted);
    int code = Z_OK;
    std::string_view message = gzerror(file, &code);
    message.remove_prefix(message.rfind(": ") == message.npos ? 0 : message.rfind(": ") + 2);
    if (count < 0 || code == Z_DATA_ERROR) {
      fail("{}: expected undamaged gzip data, found: {}; get the file again", path_,
           printable(message));
    }
    if (code == Z_BUF_ERROR) {
      fail("{}: expected a whole gzip file, found that its end is missing; get the file again",
           path_);
    }
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  position_ += static_cast<std::int64_t>(done);
  return done;
}

void ByteReader::read(std::span<std::uint8_t> out, const char* what) {
  const std::int64_t begin = position_;
  const std::size_t done = read_some(out);
  if (done < out.size()) {
    fail("{}: expected {} bytes of {} from byte {}, found {}; the file is cut short", path_,
         out.size(), what, begin, done);
  }
}

void ByteReader::expect_end() {
  const std::int64_t end = position_;
  std::uint8_t extra[1];
  if (read_some(extra) != 0) {
    fail("{}: expected {} bytes as its header says, found more; the file is damaged", path_, end);
  }
}

std::string read_regular_file(const std::string& path, std::uint64_t max_bytes) {
  const FileReader reader(path);
  if (reader.size() > max_bytes) {
    fail("{}: expected at most {} bytes, found {}; use a smaller file", printable(path, 400),
         max_bytes, reader.size());
  }
  std::string content(reader.size(), '\0');
  reader.read_at(0, std::as_writable_bytes(std::span(content)));
  return content;
}

}  // namespace metaplastic
