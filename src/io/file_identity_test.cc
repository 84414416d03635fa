#include "io/file_identity.h"

#include <gtest/gtest.h>

#include "io/atomic_file.h"
#include "io/test_folder.h"

namespace metaplastic {
namespace {

namespace fs = std::filesystem;

TEST(FileIdentity, SpellingsAndLinksOfOneFile) {
  const TestFolder folder;
  const std::string path = folder.path("a");
  write_file_atomically(path, "x");
  write_file_atomically(folder.path("b"), "x");
  fs::create_symlink("a", folder.path("soft"));
  fs::create_symlink("soft", folder.path("soft2"));
  fs::create_hard_link(path, folder.path("hard"));
  fs::create_directory(folder.path("sub"));
  const FileIdentity identity = identify_file(path);
  EXPECT_TRUE(identity.node.has_value());
  for (const char* other : {"a", "./a", "sub/../a", "soft", "soft2", "hard"}) {
    EXPECT_TRUE(is_same_file(identity, identify_file(folder.path(other)))) << other;
  }
  for (const char* other : {"b", "sub", "c", "sub/a"}) {
    EXPECT_FALSE(is_same_file(identity, identify_file(folder.path(other)))) << other;
  }
}

TEST(FileIdentity, FilesThatAreStillToBeWritten) {
  const TestFolder folder;
  fs::create_directory(folder.path("sub"));
  fs::create_symlink("sub", folder.path("link"));
  fs::create_symlink("sub/later", folder.path("dangling"));
  fs::create_symlink(folder.path("sub/later"), folder.path("absolute"));
  fs::create_symlink("loop", folder.path("loop"));
  const FileIdentity later = identify_file(folder.path("sub/later"));
  EXPECT_FALSE(later.node.has_value());
  for (const char* other :
       {"sub/later", "link/later", "sub/./later", "link/../sub/later", "dangling", "absolute"}) {
    EXPECT_TRUE(is_same_file(later, identify_file(folder.path(other)))) << other;
  }
  for (const char* other : {"later", "sub/Later", "no/later", "loop"}) {
    EXPECT_FALSE(is_same_file(later, identify_file(folder.path(other)))) << other;
  }
}

}  // namespace
}  // namespace metaplastic
