// Which commit the program was built from; the definition is written by cmake/WriteCommit.cmake.
#pragma once

namespace metaplastic {

// "33b7b75c0ffe", with "-dirty" after it where the sources had changes; "unknown" without git.
const char* build_commit();

}  // namespace metaplastic
