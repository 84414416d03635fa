#include "data/read_bytes.h"

#include <isa-l/igzip_lib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "io/file_reader.h"

namespace metaplastic {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;

}  // namespace

// What is left of the input, and the state of the decompression. Members of a gzip file follow one
// another; other bytes after one are padding.
struct ByteReader::Source {
  explicit Source(const std::string& path) : file(path), buffer(kBufferBytes) {}

  // Input bytes that are there without another read.
  std::size_t available() const { return static_cast<std::size_t>(inflate.avail_in); }
  // Reads on where nothing is left. False at the end of the file.
  bool fill() {
    if (available() > 0) return true;
    const std::uint64_t count = std::min<std::uint64_t>(buffer.size(), file.size() - offset);
    if (count == 0) return false;
    file.read_at(offset, std::as_writable_bytes(std::span(buffer).first(count)));
    offset += count;
    inflate.next_in = buffer.data();
    inflate.avail_in = static_cast<std::uint32_t>(count);
    return true;
  }
  void start_member() {
    std::uint8_t* const next = inflate.next_in;
    const std::uint32_t left = inflate.avail_in;
    isal_inflate_init(&inflate);
    inflate.crc_flag = ISAL_GZIP;
    inflate.next_in = next;
    inflate.avail_in = left;
  }
  // Whether the file goes on with a member; looks at its first two bytes.
  bool has_member() {
    if (!fill()) return false;
    if (available() == 1 && offset < file.size()) {  // the second byte is beyond the buffer
      offset -= 1;
      inflate.avail_in = 0;
      fill();
    }
    return available() >= 2 && inflate.next_in[0] == 0x1f && inflate.next_in[1] == 0x8b;
  }

  FileReader file;
  std::vector<std::uint8_t> buffer;
  std::uint64_t offset = 0;  // in the file, behind the buffer
  inflate_state inflate{};
};

ByteReader::ByteReader(const std::string& path) : path_(printable(path, 400)) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    fail("{}: expected a readable file, found: {}; check the name", path_, std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    fail("{}: expected a regular file, found a folder or a device; name a file", path_);
  }
  source_ = std::make_unique<Source>(path);
  is_plain_ = !source_->has_member();
  if (!is_plain_) source_->start_member();
  const auto size = static_cast<std::int64_t>(source_->file.size());
  max_bytes_ = is_plain_ ? size : size * 1032 + 1024;
}

ByteReader::~ByteReader() = default;

std::size_t ByteReader::inflate_some(std::span<std::uint8_t> out) {
  inflate_state& inflate = source_->inflate;
  inflate.next_out = out.data();
  inflate.avail_out = static_cast<std::uint32_t>(out.size());
  while (inflate.avail_out > 0) {
    if (inflate.block_state == ISAL_BLOCK_FINISH) {
      if (!source_->has_member()) break;
      std::uint8_t* const next_out = inflate.next_out;
      const std::uint32_t left = inflate.avail_out;
      source_->start_member();
      inflate.next_out = next_out;
      inflate.avail_out = left;
    }
    const bool more = source_->fill();
    const std::uint32_t before = inflate.avail_out;
    if (const int code = isal_inflate(&inflate); code < 0) {
      fail("{}: expected undamaged gzip data, found {}; get the file again", path_,
           code == ISAL_INCORRECT_CHECKSUM ? "a wrong check sum" : "other bytes");
    }
    if (!more && inflate.avail_out == before && inflate.block_state != ISAL_BLOCK_FINISH) {
      fail("{}: expected a whole gzip file, found that its end is missing; get the file again",
           path_);
    }
  }
  return out.size() - inflate.avail_out;
}

std::size_t ByteReader::read_some(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto rest = out.subspan(done, std::min<std::size_t>(out.size() - done, 1u << 30));
    std::size_t count = 0;
    if (!is_plain_) {
      count = inflate_some(rest);
    } else if (source_->fill()) {
      inflate_state& left = source_->inflate;
      count = std::min(rest.size(), source_->available());
      std::copy_n(left.next_in, count, rest.begin());
      left.next_in += count;
      left.avail_in -= static_cast<std::uint32_t>(count);
    }
    if (count == 0) break;
    done += count;
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
