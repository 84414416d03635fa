#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace metaplastic {

void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace metaplastic
