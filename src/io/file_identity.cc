#include "io/file_identity.h"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>

namespace metaplastic {
namespace {

namespace fs = std::filesystem;

// Where a chain of links ends, whether there is a file or not.
fs::path follow_links(fs::path path) {
  constexpr int kMaxLinks = 40;  // what Linux follows
  std::error_code error;
  for (int n = 0; n < kMaxLinks && fs::is_symlink(path, error); ++n) {
    const fs::path target = fs::read_symlink(path, error);
    if (error) break;
    path = path.parent_path() / target;  // an absolute target replaces the folder
  }
  return path;
}

}  // namespace

FileIdentity identify_file(const std::string& path) {
  FileIdentity identity;
  std::error_code error;
  const fs::path followed = follow_links(path);
  const fs::path place = fs::weakly_canonical(fs::absolute(followed, error), error);
  identity.place = error ? followed.lexically_normal().string() : place.string();
  struct stat info {};
  if (stat(path.c_str(), &info) == 0) identity.node = {info.st_dev, info.st_ino};
  return identity;
}

bool is_same_file(const FileIdentity& a, const FileIdentity& b) {
  if (a.node && b.node) return *a.node == *b.node;
  return a.place == b.place;
}

}  // namespace metaplastic
