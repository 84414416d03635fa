// Whole files: written so that a reader sees the old or the new content and never a part,
// read with a bound on the size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metaplastic {

// Collects a file in an unnamed one beside its place; commit() puts it there. Whatever ends the
// writer before that (an error, kill -9) leaves the old file as it was and nothing else; but a
// crash on a file system that knows no unnamed files (NFS, some overlays) leaves a temporary one.
// Errors name the path and the system's reason. A path that leads to a folder, a device or a pipe
// is refused; a symbolic link is followed. A file that is replaced leaves its permissions (and,
// where the system lets us, its owner) to the new one; one that may not be written is refused.
class AtomicFileWriter {
 public:
  explicit AtomicFileWriter(const std::string& path);
  ~AtomicFileWriter();
  AtomicFileWriter(const AtomicFileWriter&) = delete;
  AtomicFileWriter& operator=(const AtomicFileWriter&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  // Flushes file and folder to the disk and renames. Nothing may follow it.
  void commit();

 private:
  [[noreturn]] void fail_and_remove(const char* action);

  std::string path_;       // as the user gave it, for errors
  std::string target_;     // with symbolic links resolved
  std::string temporary_;  // name of the new file while it has one, else ""
  int descriptor_ = -1;
};

// What the system says about a value of errno.
std::string system_reason(int error_number);

void write_file_atomically(const std::string& path, std::span<const std::byte> bytes);
void write_file_atomically(const std::string& path, std::string_view text);

// Throws Error when the file cannot be read or holds more than max_bytes.
std::string read_text_file(const std::string& path, std::uint64_t max_bytes);

}  // namespace metaplastic
