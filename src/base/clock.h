// Elapsed time, and time of processors. Never use the wall clock for durations: it may jump.
#pragma once

#include <chrono>
#include <ctime>

namespace metaplastic {

// Seconds since an arbitrary start; never goes back. Differences are what counts.
inline double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Of all threads of this process since it began.
inline double cpu_seconds() {
  std::timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Measures from its construction (or the last restart).
class Stopwatch {
 public:
  double seconds() const { return steady_seconds() - start_; }
  void restart() { start_ = steady_seconds(); }

 private:
  double start_ = steady_seconds();
};

}  // namespace metaplastic
