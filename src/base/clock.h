// Elapsed time. Never use the wall clock for durations: it may jump.
#pragma once

#include <chrono>

namespace metaplastic {

// Seconds since an arbitrary start; never goes back. Differences are what counts.
inline double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
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
