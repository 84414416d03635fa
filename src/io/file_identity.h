// Whether two paths name one file: by device and inode, or, for files that are still to be
// written, by the folder and the name.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

namespace metaplastic {

struct FileIdentity {
  std::string place;                            // canonical folder and name, links followed
  std::optional<std::pair<dev_t, ino_t>> node;  // nothing: there is no such file yet
};

// Follows symbolic links, dangling ones too. Never fails: an unreadable path is its own place.
FileIdentity identify_file(const std::string& path);

// True for other spellings of a path, symbolic links and hard links.
bool is_same_file(const FileIdentity& a, const FileIdentity& b);

}  // namespace metaplastic
