// One truncation of a case: K inner steps recomputed in the backward sweep, and the objective of
// ten classes with ten labels each after every step. Data are random numbers made beforehand, so
// that only the method is timed.
#pragma once

#include "bench/step_case.h"
#include "meta/truncation.h"

namespace metaplastic {

template <class T>
class TruncationRunner : private TruncationData<T> {
 public:
  static constexpr int kK = 8, kClasses = 10, kShots = 10;

  TruncationRunner(const StepCase& step_case, const StepInputs& inputs);
  // Always from the same phi.
  TruncationResult run();

 private:
  std::span<const T> inner_batch(int k) override { return batches_[static_cast<std::size_t>(k)]; }
  const Probe<T>& probe(int k) override { return probes_[static_cast<std::size_t>(k)]; }

  const StepCase& case_;
  ThetaLayout layout_;
  std::vector<T> theta_, phi_start_, phi_, theta_bar_;
  std::vector<std::vector<T>> batches_;  // [K][U_0,B]
  std::vector<Probe<T>> probes_;         // [K]
  TruncationWorkspace<T> workspace_;
};

extern template class TruncationRunner<float>;
extern template class TruncationRunner<double>;

}  // namespace metaplastic
