// The one exception type of the library, and the checks that guard interfaces.
//
// Bad input throws Error (exit status 2 in the program). A broken promise between our own
// functions is a CHECK: it aborts with file and line, in every build type.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace metaplastic {

// What a user can mend. The text is one line: what was expected, what was found, what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws Error with a formatted line, e.g. fail("{}: expected 3 columns, found {}", path, n).
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace metaplastic

// Always on: guards interfaces against programming errors, never against user input.
#define METAPLASTIC_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::metaplastic::check_failed(__FILE__, __LINE__, #condition))

// On in debug builds only: guards inner loops.
#ifdef NDEBUG
#define METAPLASTIC_DCHECK(condition) static_cast<void>(0)
#else
#define METAPLASTIC_DCHECK(condition) METAPLASTIC_CHECK(condition)
#endif
