// Counter-based random numbers (Philox4x32-10 of Random123): a stream is named by
// (seed, purpose, task, step), so a draw never depends on threads, ranks or history.
#pragma once

#include <Random123/philox.h>

#include <cstdint>
#include <span>
#include <utility>

namespace metaplastic {

// What a stream is for. Values are part of the file format of a run: append, never renumber.
enum class Purpose : std::uint32_t {
  kThetaInit = 1,
  kPhiInit = 2,
  kPermutation = 3,
  kTask = 4,        // classes, architecture, T, K, augmentation ranges of a trajectory
  kInnerBatch = 5,  // unlabelled batches of the inner loop
  kSupport = 6,     // labelled examples that the probe is fitted on
  kQuery = 7,       // labelled examples that the probe is judged on
  kTruncation = 8,
  kFamily = 9,       // what a task family draws once, e.g. its split of classes
  kEvaluation = 10,  // draws of labelled examples in evaluate
  kBaseline = 11,
  kValidation = 12,
  kTest = 13,  // unit tests
  kEstimator = 14,
  kAppearance = 15,    // the look that the images of a task share
  kViewNoise = 16,     // what the second view of an example adds to it
  kNeighbours = 17,    // examples among which neighbours of a batch are looked for
  kLeadingSpace = 18,  // where an iteration towards eigenvectors starts
  kWindows = 19,       // convolutional base models of meta-training
};

class Random {
 public:
  Random(std::uint64_t seed, Purpose purpose, std::uint64_t task = 0, std::uint32_t step = 0);

  std::uint32_t next_u32();
  // Uniform in [0, 1) with 24 random bits.
  float uniform();
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  // Uniform integer in [0, count), count >= 1; unbiased.
  std::uint32_t below(std::uint32_t count);
  // Uniform integer in [low, high], both inclusive.
  int between(int low, int high);
  // Log-uniform real in [low, high], 0 < low <= high.
  float log_uniform(float low, float high);
  // Standard normal (Box-Muller).
  float normal();

  template <class T>
  void shuffle(std::span<T> values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[below(static_cast<std::uint32_t>(i))]);
    }
  }

 private:
  r123::Philox4x32::key_type key_;
  r123::Philox4x32::ctr_type counter_;
  r123::Philox4x32::ctr_type block_{};
  unsigned used_ = 4;
  bool has_spare_normal_ = false;
  float spare_normal_ = 0;
};

}  // namespace metaplastic
