#include "base/system_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace metaplastic {
namespace {

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(SystemLibrary, FindsFunctions) {
  const SystemLibrary library("libm.so.6");
  double (*const round_down)(double) = library["floor"];
  EXPECT_EQ(round_down(2.5), 2);
}

TEST(SystemLibrary, SaysWhatIsMissing) {
  EXPECT_THAT(error_of([] { SystemLibrary("libnone-of-this.so.1"); }),
              testing::AllOf(testing::HasSubstr("libnone-of-this.so.1"),
                             testing::HasSubstr("install its package")));
  const SystemLibrary library("libm.so.6");
  EXPECT_THAT(
      error_of([&] { (void)library["no_such_function"]; }),
      testing::AllOf(testing::HasSubstr("libm.so.6"), testing::HasSubstr("no_such_function")));
}

}  // namespace
}  // namespace metaplastic
