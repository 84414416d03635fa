// Timing of several things in turn: measure a, b, c, then a, b, c again, so that whatever else the
// machine does falls on all of them alike. With n threads, n copies run side by side.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace metaplastic {

struct Measure {
  std::string name;
  std::function<void(int thread)> run;  // state of its own for every thread
};

struct MeasureOptions {
  int num_threads = 1;
  int repeats = 15;
  double max_seconds = 30;  // no further round is begun after this, but three are always made
  std::function<bool()> should_stop = {};  // true: ends with Stopped before the next run
};

// Seconds of every run of every measure, [measure][thread and round]. One round warms up, untimed.
std::vector<std::vector<double>> time_interleaved(std::span<const Measure> measures,
                                                  const MeasureOptions& options);
// Of at least one value.
double median(std::vector<double> values);

// A 512^3 single-precision product by BLAS on memory of its own: the machine's rate.
class SgemmReference {
 public:
  SgemmReference();
  void run();
  static constexpr int kSize = 512;
  static constexpr double kFlops = 2.0 * kSize * kSize * kSize;

 private:
  std::vector<float> a_, b_, c_;
};

// Copies 64 MiB, far beyond any cache: the memory's rate.
class CopyReference {
 public:
  CopyReference();
  void run();
  static constexpr double kBytes = 2.0 * (1 << 26);  // read and written

 private:
  std::vector<float> from_, to_;
};

}  // namespace metaplastic
