// Highway 1.0 measures its timer for 2.5 ms in every process that links it, for benchmarks that do
// not run here. The dynamic linker prefers this definition to the one in libhwy.
#include <hwy/nanobenchmark.h>

#include <cstdint>

namespace hwy::platform {

std::uint64_t TimerResolution() { return 1; }  // in ticks

}  // namespace hwy::platform
