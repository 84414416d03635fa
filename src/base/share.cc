#include "base/share.h"

#include <dlfcn.h>

#include <cstdlib>
#include <system_error>

namespace metaplastic {

namespace fs = std::filesystem;

namespace {

void add_checkout(const fs::path& root, std::vector<fs::path>& folders) {
  folders.push_back(root / "share");
  folders.push_back(root);
}

}  // namespace

std::vector<fs::path> share_folders() {
  if (const char* share = std::getenv("METAPLASTIC_SHARE"); share != nullptr && *share != 0) {
    return {share};
  }
  std::vector<fs::path> folders;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path beside = program.parent_path().parent_path();
  if (!error) folders.push_back(beside / "share" / "metaplastic");
  Dl_info library;
  if (dladdr(reinterpret_cast<void*>(&share_folders), &library) != 0 &&
      library.dli_fname != nullptr) {
    const fs::path path = fs::weakly_canonical(library.dli_fname, error);
    if (!error && path != program) folders.push_back(path.parent_path() / "share");
  }
  if (!program.empty()) add_checkout(beside, folders);
  add_checkout(METAPLASTIC_SOURCE_DIR, folders);
  return folders;
}

}  // namespace metaplastic
