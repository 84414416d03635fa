#include "bench/truncation_case.h"

#include <algorithm>

namespace metaplastic {
namespace {

constexpr int kNumLabelled = TruncationRunner<float>::kClasses * TruncationRunner<float>::kShots;

// Labelled points [U_0,N] around a centre per class, so that there is something to learn.
template <class T>
std::vector<T> labelled_points(int num_inputs, const std::vector<int>& labels, std::uint32_t step,
                               Random& random) {
  std::vector<T> x(static_cast<std::size_t>(num_inputs) * labels.size());
  Random centres(2, Purpose::kTask, 0, step);
  std::size_t i = 0;
  for (int u = 0; u < num_inputs; ++u) {
    std::array<float, TruncationRunner<float>::kClasses> centre;
    std::ranges::generate(centre, [&] { return centres.uniform(); });
    for (const int label : labels) {
      x[i++] = T(0.5f * (centre[static_cast<std::size_t>(label)] + random.uniform()));
    }
  }
  return x;
}

}  // namespace

template <class T>
TruncationRunner<T>::TruncationRunner(const StepCase& step_case, const StepInputs& inputs)
    : case_(step_case),
      layout_(step_case.sizes),
      theta_(inputs.theta.begin(), inputs.theta.end()),
      phi_start_(inputs.phi.begin(), inputs.phi.end()),
      theta_bar_(theta_.size()) {
  const int U0 = step_case.architecture.num_inputs();
  std::vector<int> labels(kNumLabelled);
  for (int n = 0; n < kNumLabelled; ++n) labels[static_cast<std::size_t>(n)] = n % kClasses;
  for (std::uint32_t k = 0; k < kK; ++k) {
    Random random(2, Purpose::kInnerBatch, 0, k);
    std::vector<T>& batch = batches_.emplace_back(inputs.x.size());
    std::ranges::generate(batch, [&] { return T(random.uniform()); });
    Probe<T>& probe = probes_.emplace_back();
    probe.num_support = probe.num_query = kNumLabelled;
    probe.support = labelled_points<T>(U0, labels, k, random);
    probe.query = labelled_points<T>(U0, labels, k, random);
    make_probe_targets<T>(kClasses, labels, {}, labels, {}, probe.targets);
  }
}

template <class T>
TruncationResult TruncationRunner<T>::run() {
  phi_ = phi_start_;
  std::ranges::fill(theta_bar_, T(0));
  TruncationSettings<T> settings;
  settings.K = kK;
  settings.inner_lr = T(kBenchInnerLr);
  return truncated_gradient<T>(layout_, theta_.data(), case_.architecture, phi_, settings, *this,
                               workspace_, theta_bar_.data());
}

template class TruncationRunner<float>;
template class TruncationRunner<double>;

}  // namespace metaplastic
