#include "base/system_library.h"

#include <dlfcn.h>

#include "base/error.h"
#include "base/text.h"

namespace metaplastic {

SystemLibrary::SystemLibrary(const char* file, Names names)
    : file_(file), handle_(dlopen(file, RTLD_NOW | (names == Names::kGlobal ? RTLD_GLOBAL : 0))) {
  if (handle_ == nullptr) {
    fail("expected the shared library {}, cannot load it ({}); install its package", file,
         printable(dlerror(), 200));
  }
}

SystemLibrary::Symbol SystemLibrary::operator[](const char* symbol) const {
  void* const address = dlsym(handle_, symbol);
  if (address == nullptr) {
    fail("{}: expected the symbol {}, found none; install another version of its package", file_,
         symbol);
  }
  return Symbol(address);
}

}  // namespace metaplastic
