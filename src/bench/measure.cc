#include "bench/measure.h"

#include <algorithm>
#include <barrier>
#include <cstring>

#include "base/clock.h"
#include "base/error.h"
#include "base/stopped.h"
#include "base/thread_pool.h"
#include "tensor/blas.h"

namespace metaplastic {

std::vector<std::vector<double>> time_interleaved(std::span<const Measure> measures,
                                                  const MeasureOptions& options) {
  constexpr int kLeastRounds = 3;
  const auto num_threads = static_cast<std::size_t>(options.num_threads);
  ThreadPool pool(options.num_threads);
  // All copies start together; it also keeps one thread from taking two of them.
  std::barrier start(options.num_threads);
  std::vector<std::vector<double>> seconds(measures.size());
  std::vector<double> of_round(num_threads);
  const Stopwatch whole;
  for (int round = -1; round < options.repeats; ++round) {
    if (round >= kLeastRounds && whole.seconds() > options.max_seconds) break;
    for (std::size_t m = 0; m < measures.size(); ++m) {
      if (options.should_stop && options.should_stop()) throw Stopped{};
      pool.parallel_for(options.num_threads, [&](int, int index) {
        start.arrive_and_wait();
        const Stopwatch watch;
        measures[m].run(index);
        of_round[static_cast<std::size_t>(index)] = watch.seconds();
      });
      if (round >= 0) seconds[m].insert(seconds[m].end(), of_round.begin(), of_round.end());
    }
  }
  return seconds;
}

double median(std::vector<double> values) {
  METAPLASTIC_CHECK(!values.empty());
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

SgemmReference::SgemmReference()
    : a_(std::size_t{kSize} * kSize, 0.5f), b_(a_.size(), 0.25f), c_(a_.size()) {}

void SgemmReference::run() {
  gemm(false, false, kSize, kSize, kSize, 1.0f, a_.data(), kSize, b_.data(), kSize, 0.0f, c_.data(),
       kSize);
}

CopyReference::CopyReference() : from_((std::size_t{1} << 26) / sizeof(float), 1.0f), to_(from_) {}

void CopyReference::run() { std::memcpy(to_.data(), from_.data(), from_.size() * sizeof(float)); }

}  // namespace metaplastic
