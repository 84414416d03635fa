#include "io/atomic_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "io/file_reader.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

TEST(AtomicFile, WritesAndReplaces) {
  const TestFolder folder;
  const std::string path = folder.path("a");
  write_file_atomically(path, "old");
  EXPECT_EQ(read_text_file(path, 100), "old");
  write_file_atomically(path, std::string(3000000, 'x'));
  EXPECT_EQ(read_text_file(path, 3000000), std::string(3000000, 'x'));
  write_file_atomically(path, "");
  EXPECT_EQ(read_text_file(path, 0).size(), 0u);
  EXPECT_EQ(folder.num_entries(), 1);
}

TEST(AtomicFile, KeepsTheUsualPermissions) {
  const TestFolder folder;
  const mode_t old_mask = umask(022);
  write_file_atomically(folder.path("a"), "x");
  umask(old_mask);
  struct stat info {};
  ASSERT_EQ(stat(folder.path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644u);
}

TEST(AtomicFile, AReplacedFileLeavesItsPermissions) {
  const TestFolder folder;
  const std::string path = folder.path("a");
  for (const mode_t mode : {0600, 0640, 0666, 0755, 0200}) {
    write_file_atomically(path, "old");
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    write_file_atomically(path, "new");
    struct stat info {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, mode);
  }
}

TEST(AtomicFile, AWriteProtectedFileIsRefused) {
  const TestFolder folder;
  const std::string path = folder.path("a");
  write_file_atomically(path, "old");
  ASSERT_EQ(chmod(path.c_str(), 0444), 0);
  ASSERT_EQ(chmod(folder.path("").c_str(), 0777), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
    const std::string line = error_line([&] { AtomicFileWriter{path}; });
    _exit(line == path + ": cannot write: Permission denied" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(read_text_file(path, 100), "old");
}

TEST(AtomicFile, ReadersSeeTheOldFileUntilTheCommit) {
  const TestFolder folder;
  const std::string path = folder.path("a");
  write_file_atomically(path, "old");
  {
    AtomicFileWriter writer(path);
    writer.write("half of the n");
    EXPECT_EQ(read_text_file(path, 100), "old");
  }
  EXPECT_EQ(read_text_file(path, 100), "old");
  EXPECT_EQ(folder.num_entries(), 1);
  AtomicFileWriter writer(path);
  writer.write("new ");
  writer.write("file");
  writer.commit();
  EXPECT_EQ(read_text_file(path, 100), "new file");
}

// What kill -9 leaves of a half-written file: nothing. Where the file system knows no unnamed files
// the temporary has a name that says what it is.
TEST(AtomicFile, AKilledWriterLeavesTheOldFileAndNoTemporary) {
  const TestFolder folder;
  const std::string path = folder.path("a");
  write_file_atomically(path, "old");
  const pid_t child = fork();
  if (child == 0) {
    AtomicFileWriter writer(path);
    writer.write(std::string(100000, 'x'));
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(read_text_file(path, 100), "old");
  const int unnamed = open(folder.path("").c_str(), O_WRONLY | O_TMPFILE, 0600);
  if (unnamed >= 0) {
    EXPECT_EQ(folder.num_entries(), 1);
    close(unnamed);
  } else {
    EXPECT_EQ(folder.num_entries(), 2);
  }
}

// Root may write anywhere, so the folder is read by another user.
TEST(AtomicFile, AReadOnlyFolderIsRefusedAtOnce) {
  const TestFolder folder;
  const std::string path = folder.path("a");
  write_file_atomically(path, "old");
  ASSERT_EQ(chmod(folder.path("").c_str(), 0555), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
    const std::string line = error_line([&] { AtomicFileWriter{path}; });
    _exit(line == path + ": cannot write: Permission denied" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(WIFEXITED(status));
  ASSERT_EQ(chmod(folder.path("").c_str(), 0755), 0);
  EXPECT_EQ(read_text_file(path, 100), "old");
  EXPECT_EQ(folder.num_entries(), 1);
}

TEST(AtomicFile, ANameAsLongAsNamesCanBeIsWritten) {
  const TestFolder folder;
  const std::string path = folder.path(std::string(255, 'n'));
  write_file_atomically(path, "x");
  EXPECT_EQ(read_text_file(path, 100), "x");
  EXPECT_EQ(folder.num_entries(), 1);
}

TEST(AtomicFile, AFullDiskLeavesTheOldFileAndNoTemporary) {
  const TestFolder folder;
  const std::string path = folder.path("a");
  write_file_atomically(path, "old");
  std::string line;
  {
    const FileSizeLimit limit(1000);
    line = error_line([&] { write_file_atomically(path, std::string(2000, 'x')); });
  }
  EXPECT_EQ(line, path + ": cannot write: File too large; any older file is unchanged");
  EXPECT_EQ(read_text_file(path, 100), "old");
  EXPECT_EQ(folder.num_entries(), 1);
}

TEST(AtomicFile, RefusesWhatItCannotReplace) {
  const TestFolder folder;
  write_file_atomically(folder.path("file"), "x");
  const auto line = [](const std::string& path) {
    return error_line([&] { write_file_atomically(path, "y"); });
  };
  const std::string missing = folder.path("no/such/a"), below = folder.path("file/a");
  EXPECT_EQ(line(missing), missing + ": cannot write: No such file or directory");
  EXPECT_EQ(line(below), below + ": cannot write: Not a directory");
  EXPECT_EQ(
      line(folder.path("")),
      folder.path("") + ": cannot write: expected a regular file or a new name, found a folder");
  // Renaming over a device, as root, would destroy it.
  EXPECT_EQ(line("/dev/full"),
            "/dev/full: cannot write: expected a regular file or a new name, found a device or "
            "pipe");
  const std::string long_name = folder.path(std::string(300, 'n'));
  EXPECT_EQ(line(long_name), long_name + ": cannot write: File name too long");
  EXPECT_EQ(folder.num_entries(), 1);
}

TEST(AtomicFile, FollowsASymbolicLink) {
  const TestFolder folder;
  write_file_atomically(folder.path("target"), "old");
  std::filesystem::create_symlink("target", folder.path("link"));
  write_file_atomically(folder.path("link"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path("link")));
  EXPECT_EQ(read_text_file(folder.path("target"), 100), "new");
}

TEST(ReadFile, BoundsAndReasons) {
  const TestFolder folder;
  const std::string path = folder.path("a");
  write_file_atomically(path, "12345");
  EXPECT_EQ(read_text_file(path, 5), "12345");
  EXPECT_EQ(error_line([&] { read_text_file(path, 4); }),
            path + ": expected at most 4 bytes, found 5");
  EXPECT_EQ(error_line([&] { read_text_file("/dev/zero", 100000); }),
            "/dev/zero: expected at most 100000 bytes, found more");
  EXPECT_EQ(error_line([&] { read_text_file(folder.path("b"), 9); }),
            folder.path("b") + ": cannot open: No such file or directory");
  EXPECT_EQ(error_line([&] { read_text_file(folder.path(""), 9); }),
            folder.path("") + ": expected a file, found a folder");
  // Size 0 says nothing about files that the kernel makes up.
  EXPECT_GT(read_text_file("/proc/self/status", 1000000).size(), 100u);
}

TEST(FileReader, ReadsRangesAndNoticesShrinking) {
  const TestFolder folder;
  const std::string path = folder.path("a");
  write_file_atomically(path, "0123456789");
  const FileReader reader(path);
  EXPECT_EQ(reader.size(), 10u);
  std::string text(4, ' ');
  reader.read_at(3, std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(text, "3456");
  std::filesystem::resize_file(path, 5);
  EXPECT_EQ(error_line([&] { reader.read_at(3, std::as_writable_bytes(std::span(text))); }),
            path + ": the file became shorter while it was read");
  EXPECT_EQ(error_line([&] { FileReader{folder.path("")}; }),
            folder.path("") + ": expected a file, found a folder");
  EXPECT_EQ(error_line([&] { FileReader{"/dev/null"}; }),
            "/dev/null: expected a file, found a device or pipe");
}

}  // namespace
}  // namespace metaplastic
