#include "io/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace metaplastic {
namespace {

// Larger single writes are cut short by the kernel anyway.
constexpr std::size_t kMaxWrite = std::size_t{1} << 30;
constexpr int kMaxNameAttempts = 1000;

// Follows a symbolic link, and refuses what rename would destroy (a device) or cannot replace.
std::string resolve_target(const std::string& path) {
  if (path.empty()) fail("expected the name of a file to write, found an empty one");
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return path;
  if (error) fail("{}: cannot write: {}", path, error.message());
  if (!std::filesystem::is_regular_file(status)) {
    fail("{}: cannot write: expected a regular file or a new name, found {}", path,
         std::filesystem::is_directory(status) ? "a folder" : "a device or pipe");
  }
  const std::filesystem::path target = std::filesystem::canonical(path, error);
  if (error) fail("{}: cannot write: {}", path, error.message());
  // A rename would replace a file that its owner has protected.
  if (access(target.c_str(), W_OK) != 0) {
    fail("{}: cannot write: {}", path, system_reason(errno));
  }
  return target.string();
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// In the same folder, and short: a target's name may already be as long as names can be.
std::string new_temporary_name(const std::string& target) {
  static std::atomic<unsigned> counter{0};
  return fmt::format("{}/.metaplastic.tmp-{}-{}", folder_of(target), getpid(), counter++);
}

std::string name_of_descriptor(int descriptor) {
  return fmt::format("/proc/self/fd/{}", descriptor);
}

// The name must survive a crash: the folder's entry is flushed too.
bool sync_folder_of(const std::string& path) {
  const int descriptor = open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return false;
  // Some file systems cannot flush a folder and say so with EINVAL.
  const bool done = fsync(descriptor) == 0 || errno == EINVAL;
  const int error_number = errno;
  close(descriptor);
  errno = error_number;
  return done;
}

// A new file in the target's folder that has no name yet; -1 where that cannot be.
int open_unnamed(const std::string& target) {
  const int descriptor = open(folder_of(target).c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
  // Its name will come through /proc, which some containers lack.
  if (descriptor < 0 || access(name_of_descriptor(descriptor).c_str(), F_OK) == 0) {
    return descriptor;
  }
  close(descriptor);
  return -1;
}

// The same with a name; -1 and errno when the folder refuses.
int open_named(const std::string& target, std::string& name) {
  for (int attempt = 0; attempt < kMaxNameAttempts; ++attempt) {
    name = new_temporary_name(target);
    const int descriptor = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) return descriptor;
    // Only a leftover of a killed process with this number is a reason to try another name.
    if (errno != EEXIST) break;
  }
  name.clear();
  return -1;
}

// A link cannot replace a file, a rename can: the name lives for the moment between the two.
bool give_name(int descriptor, const std::string& target, std::string& name) {
  for (int attempt = 0; attempt < kMaxNameAttempts; ++attempt) {
    name = new_temporary_name(target);
    if (linkat(AT_FDCWD, name_of_descriptor(descriptor).c_str(), AT_FDCWD, name.c_str(),
               AT_SYMLINK_FOLLOW) == 0) {
      return true;
    }
    if (errno != EEXIST) break;
  }
  name.clear();
  return false;
}

// The new file takes over the permissions of the one that it will replace.
void keep_permissions(int descriptor, const std::string& target) {
  struct stat old {
  }, made{};
  if (stat(target.c_str(), &old) != 0 || fstat(descriptor, &made) != 0) return;
  if (old.st_uid != made.st_uid || old.st_gid != made.st_gid) {
    // Root alone can give a file away; for others it stays theirs.
    if (fchown(descriptor, old.st_uid, old.st_gid) != 0) errno = 0;
  }
  if (fchmod(descriptor, old.st_mode & 0777) != 0) errno = 0;
}

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// Reads until the end or until `size` bytes are there; returns how many.
std::size_t read_fully(int descriptor, const std::string& path, char* data, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = read(descriptor, data + done, std::min(size - done, kMaxWrite));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("{}: cannot read: {}", path, system_reason(errno));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

}  // namespace

std::string system_reason(int error_number) {
  return std::generic_category().message(error_number);
}

AtomicFileWriter::AtomicFileWriter(const std::string& path)
    : path_(path), target_(resolve_target(path)) {
  descriptor_ = open_unnamed(target_);
  if (descriptor_ < 0) descriptor_ = open_named(target_, temporary_);
  if (descriptor_ < 0) fail("{}: cannot write: {}", path_, system_reason(errno));
  keep_permissions(descriptor_, target_);
}

AtomicFileWriter::~AtomicFileWriter() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFileWriter::fail_and_remove(const char* action) {
  const int error_number = errno;
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
  if (!temporary_.empty()) unlink(temporary_.c_str());
  temporary_.clear();
  fail("{}: cannot {}: {}; any older file is unchanged", path_, action,
       system_reason(error_number));
}

void AtomicFileWriter::write(std::span<const std::byte> bytes) {
  METAPLASTIC_CHECK(descriptor_ >= 0);
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), std::min(bytes.size(), kMaxWrite));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_and_remove("write");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void AtomicFileWriter::write(std::string_view text) {
  write(std::as_bytes(std::span(text.data(), text.size())));
}

void AtomicFileWriter::commit() {
  METAPLASTIC_CHECK(descriptor_ >= 0);
  if (fsync(descriptor_) != 0) fail_and_remove("flush");
  if (temporary_.empty() && !give_name(descriptor_, target_, temporary_)) fail_and_remove("name");
  const int closing = descriptor_;
  descriptor_ = -1;
  if (close(closing) != 0) fail_and_remove("close");
  if (rename(temporary_.c_str(), target_.c_str()) != 0) fail_and_remove("rename");
  temporary_.clear();
  if (!sync_folder_of(target_)) {
    fail("{}: written, but its folder cannot be flushed: {}", path_, system_reason(errno));
  }
}

void write_file_atomically(const std::string& path, std::span<const std::byte> bytes) {
  AtomicFileWriter writer(path);
  writer.write(bytes);
  writer.commit();
}

void write_file_atomically(const std::string& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
}

std::string read_text_file(const std::string& path, std::uint64_t max_bytes) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (file.get() < 0 || fstat(file.get(), &info) != 0) {
    fail("{}: cannot open: {}", path, system_reason(errno));
  }
  if (S_ISDIR(info.st_mode)) fail("{}: expected a file, found a folder", path);
  const auto reported = static_cast<std::uint64_t>(std::max<off_t>(info.st_size, 0));
  if (reported > max_bytes) {
    fail("{}: expected at most {} bytes, found {}", path, max_bytes, reported);
  }
  // A pipe reports no size: grow until its end, one byte past the bound at most.
  std::string buffer;
  std::size_t size = 0;
  METAPLASTIC_CHECK(max_bytes < std::uint64_t{1} << 62);
  std::uint64_t capacity = S_ISREG(info.st_mode) ? reported + 1 : std::uint64_t{1} << 16;
  for (;;) {
    buffer.resize(static_cast<std::size_t>(std::min(capacity, max_bytes + 1)));
    size += read_fully(file.get(), path, buffer.data() + size, buffer.size() - size);
    if (size > max_bytes) fail("{}: expected at most {} bytes, found more", path, max_bytes);
    if (size < buffer.size()) break;
    capacity *= 2;
  }
  buffer.resize(size);
  return buffer;
}

}  // namespace metaplastic
